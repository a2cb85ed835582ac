//! Why a conversion fails, as far as it is known in the field: what it means, what is safe, what next.

use super::both;
use crate::model::bilingual::Bilingual;
use crate::model::converter::FaultSeen;

/// From this percent on a copy is complete, and what fails is making it bootable.
const RECONFIGURING: u8 = 95;
/// A copy that stands still at no more than this never really began.
const NEVER_BEGAN: u8 = 2;

/// A cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// At 95 to 99 %: the copy is there, the drivers and the boot entries are not.
    Reconfigure,
    /// The snapshot of the source failed.
    Snapshot,
    /// Still at 2 % and less: one side of a cable negotiates another duplex.
    Duplex,
    /// It stands still later on.
    Stalled,
    /// The connection to the hosts of the target was lost.
    Connection,
    /// An account was refused.
    Account,
    /// Somebody cancelled it.
    Cancelled,
    /// Another one.
    Other,
}

impl Cause {
    /// The cause of `fault`, after the job had reached `percent`.
    pub fn of(fault: &FaultSeen, percent: Option<u8>) -> Self {
        let kind = fault.kind.to_ascii_lowercase();
        let message = fault.message.to_ascii_lowercase();
        let says = |word: &str| kind.contains(word) || message.contains(word);
        // The type says more than the message, and the message more than the percent.
        if says("vss") || kind.contains("snapshot") || message.contains("snapshot") {
            Cause::Snapshot
        } else if kind.contains("reconfig") {
            Cause::Reconfigure
        } else if says("requestcanceled") || says("cancel") {
            Cause::Cancelled
        } else if kind.contains("invalidlogin") || kind.contains("nopermission") {
            Cause::Account
        } else if percent.is_some_and(|percent| percent >= RECONFIGURING) {
            Cause::Reconfigure
        } else if kind.contains("connection") || kind.contains("nfc") || kind.contains("hostconnect") {
            Cause::Connection
        } else {
            Cause::Other
        }
    }

    /// Why a copy stands still at `percent`.
    pub fn of_stall(percent: u8) -> Self {
        if percent <= NEVER_BEGAN { Cause::Duplex } else { Cause::Stalled }
    }

    /// Whether what was copied is still of use: the first copy does not have to cross the line again.
    pub fn keeps_copy(self) -> bool {
        matches!(self, Cause::Reconfigure)
    }

    /// What happened, as a sentence.
    pub fn what(self) -> Bilingual {
        match self {
            Cause::Reconfigure => both(
                "La copia è completa, ma Converter non è riuscito a renderla avviabile (riconfigurazione, 95-99 %).",
                "The copy is complete, and Converter could not make it bootable (reconfiguration, 95-99 %).",
            ),
            Cause::Snapshot => both(
                "L'istantanea VSS dei dischi dell'origine non è riuscita.",
                "The VSS snapshot of the source's disks failed.",
            ),
            Cause::Duplex => both(
                "La copia è ferma al 2 % o meno: di solito la scheda di rete e lo switch non concordano il duplex.",
                "The copy stands still at 2 % or less: usually card and switch disagree about duplex.",
            ),
            Cause::Stalled => both("La copia è ferma.", "The copy stands still."),
            Cause::Connection => both(
                "La connessione con i sistemi del data center è caduta.",
                "The connection to the hosts at the data center was lost.",
            ),
            Cause::Account => both("Un'utenza è stata rifiutata.", "An account was refused."),
            Cause::Cancelled => both("Qualcuno ha annullato l'attività.", "Somebody cancelled the task."),
            Cause::Other => both("La conversione non è riuscita.", "The conversion failed."),
        }
    }

    /// What is safe at this moment.
    pub fn safe(self) -> Bilingual {
        match self {
            Cause::Reconfigure => both(
                "L'origine lavora come prima. I dischi copiati sono sul datastore: non cancellarli, non accendere la \
                 macchina.",
                "The source works as before. The copied disks are on the datastore: delete nothing, turn nothing on.",
            ),
            Cause::Duplex | Cause::Stalled => both(
                "L'origine lavora come prima. Niente è perso finché l'attività non viene fermata.",
                "The source works as before. Nothing is lost until the task is stopped.",
            ),
            _ => both(
                "L'origine lavora come prima. Il bersaglio è spento e va lasciato spento.",
                "The source works as before. The target is off, and stays off.",
            ),
        }
    }

    /// What to do next.
    pub fn next(self) -> Bilingual {
        match self {
            Cause::Reconfigure => both(
                "In Converter usare «Configure Machine» su un clone del bersaglio: non serve ripetere la copia. Se non \
                 basta, aggiungere il driver LSI_SAS (Start=0) nel registro del clone.",
                "In Converter use «Configure Machine» on a clone of the target: the copy need not be repeated. If that \
                 is not enough, set the driver LSI_SAS to Start=0 in the clone's registry.",
            ),
            Cause::Snapshot => both(
                "Sull'origine: `vssadmin list writers` senza errori, 1 GB libero su ogni volume e 50 MB sulla \
                 partizione di sistema, nessun altro backup in corso; poi riprendere il job.",
                "On the source: `vssadmin list writers` without errors, 1 GB free on each volume and 50 MB on the \
                 system partition, no other backup at work; then resume the job.",
            ),
            Cause::Duplex => both(
                "Confrontare velocità e duplex di scheda e porta dello switch (entrambi automatici), poi attendere: \
                 fermare il job ora costa poco, perché quasi niente è stato copiato.",
                "Compare speed and duplex of card and switch port (both automatic), then wait: to stop the job now \
                 costs little, because next to nothing was copied.",
            ),
            Cause::Stalled => both(
                "Controllare la linea e l'agente sull'origine. Non fermare il job: la prima copia ripartirebbe da zero.",
                "Check the line and the agent on the source. Do not stop the job: the first copy would begin anew.",
            ),
            Cause::Connection => both(
                "Controllare TCP 443 e 902 dall'origine ai sistemi del data center. Una prima copia interrotta riparte da zero: \
                 rifare i conti delle ore.",
                "Check TCP 443 and 902 from the source to the hosts at the data center. A first copy that broke off begins \
                 anew: forecast the hours again.",
            ),
            Cause::Account => both(
                "Controllare utenze e password di origine e vCenter nell'inventario; nessun altro tentativo è stato \
                 fatto.",
                "Check the accounts of source and vCenter in the inventory; no other attempt was made.",
            ),
            Cause::Cancelled => {
                both("Chiedere chi l'ha annullata, poi riprendere.", "Ask who cancelled it, then resume.")
            }
            Cause::Other => both(
                "Raccogliere i log del job e cercarvi la prima riga con «error».",
                "Take the job's logs and look for the first line with «error».",
            ),
        }
    }
}
