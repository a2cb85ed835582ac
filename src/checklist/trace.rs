//! The sentences of the project document that the checklists answer, in our own words: activities 2
//! and 5 with what they refer to, and the points that a source, a landing and a decommissioning
//! have in common everywhere.

/// A sentence of the project document, or a point of its checklists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Sentence {
    /// Its id: `A5.2` is the second of activity 5, `S`, `L` and `D` are points of a checklist.
    pub id: &'static str,
    /// What it says.
    pub says: &'static str,
}

const fn says(id: &'static str, says: &'static str) -> Sentence {
    Sentence { id, says }
}

/// All sentences. Every one has at least one item that names it in `trace`.
pub const SENTENCES: [Sentence; 57] = [
    says("A0.1", "Il collegamento MPLS è disponibile e collaudato prima di iniziare."),
    says("A0.2", "I tecnici esterni del Comune sono compresi, se il loro contratto copre il lavoro."),
    says("A2.1", "La checklist dell'ambiente di origine è eseguita da Comune e gestore."),
    says("A2.2", "La checklist dell'ambiente di origine è validata insieme da Comune e data center."),
    says("A3.1", "I server sono trasportati a scopo di test."),
    says("A4.1", "La migrazione è provata."),
    says("A4.2", "Lo spostamento e i suoi disservizi sono pianificati."),
    says("A5.1", "I server sono trasportati in produzione."),
    says("A5.2", "La rete locale è riconfigurata riducendo al minimo i disservizi."),
    says("A5.3", "La checklist dell'ambiente di atterraggio è eseguita da Comune e gestore."),
    says("A5.4", "La checklist dell'ambiente di atterraggio è validata insieme da Comune e data center."),
    says("A5.5", "Lo spazio di indirizzi resta quello di prima."),
    says("A5.6", "I server consolidati si raggiungono per rotte statiche."),
    says("A5.7", "La rotta predefinita resta il firewall locale, da cui escono navigazione e SaaS."),
    says("A5.8", "Active Directory funziona attraverso il collegamento MPLS."),
    says("A5.9", "Salvataggio e disaster recovery sono quelli del data center."),
    says("A5.10", "Il salvataggio del gestionale resta quello del suo fornitore."),
    says("A6.1", "I server fisici sono dismessi."),
    says("S01", "L'inventario corrisponde alle macchine."),
    says("S02", "Ruoli e dipendenze sono noti."),
    says("S03", "Dischi, spazio, filesystem e dischi dinamici sono in ordine."),
    says("S04", "Le credenziali di amministratore e di ripristino della directory sono custodite."),
    says("S05", "C'è un salvataggio completo con un ripristino provato."),
    says("S06", "Licenze e attivazioni permettono lo spostamento."),
    says("S07", "La sorgente del tempo è nota e gli orologi sono giusti."),
    says("S08", "Indirizzi, DNS, rotte, cartelle, attività pianificate e dispositivi sono rilevati."),
    says("S09", "Antivirus e VSS sono in salute."),
    says("S10", "La directory è in salute; ruoli FSMO e zone DNS sono rilevati."),
    says("S11", "Si sa chi manda i log al raccoglitore."),
    says("S12", "Configurazione e rotte del firewall locale sono salvate."),
    says("S13", "I dati passano nella finestra alla banda minima garantita."),
    says("S14", "Il fermo è concordato e pubblicato."),
    says("S15", "Nomine e accordo sul trattamento dei dati sono in ordine."),
    says("S16", "I servizi sono classificati."),
    says("L01", "Cartella, risorse, rete e spazio sono pronti."),
    says("L02", "La rete di prova è isolata."),
    says("L03", "Hardware virtuale, driver e schede di rete fantasma sono in ordine."),
    says("L04", "Indirizzo, DNS e gateway sono quelli previsti."),
    says("L05", "La rotta è buona nei due sensi: MTU, ritardo, perdite."),
    says("L06", "Accesso al dominio, DNS diretto e inverso, ora."),
    says("L07", "Cartelle, stampanti e log funzionano."),
    says("L08", "I servizi SaaS escono ancora dal firewall locale."),
    says("L09", "La caduta della linea principale è provata e misurata."),
    says("L10", "Il salvataggio è stato fatto e un ripristino provato."),
    says("L11", "C'è la copia per il disaster recovery."),
    says("L12", "Il monitoraggio vede le macchine."),
    says("L13", "Credenziali predefinite cambiate, aggiornamenti fatti."),
    says("L14", "L'origine è spenta e conservata."),
    says("L15", "La firma è congiunta."),
    says("D01", "La quarantena è trascorsa."),
    says("D02", "L'ultimo salvataggio è conservato."),
    says("D03", "Directory e DNS sono ripuliti."),
    says("D04", "Ogni supporto è cancellato nel modo adatto."),
    says("D05", "C'è il certificato di cancellazione."),
    says("D06", "Scarico dall'inventario e RAEE."),
    says("D07", "Registro dei trattamenti e modulo delle misure minime aggiornati."),
    says("D08", "La dismissione è firmata."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_stands_for_one_sentence() {
        for (index, sentence) in SENTENCES.iter().enumerate() {
            assert!(SENTENCES[..index].iter().all(|other| other.id != sentence.id), "{}", sentence.id);
        }
    }
}
