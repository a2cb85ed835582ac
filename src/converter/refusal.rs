//! What Converter must not, or cannot, convert.

use super::both;
use crate::model::bilingual::Bilingual;
use crate::model::converter::{Job, KeptDisk, SourceSeen};
use crate::model::server::{DirectoryWay, Os, Server};

/// Windows services that a domain controller has to stop before its last synchronisation.
const DIRECTORY: &str = "NTDS";
/// Filesystems that are copied block by block.
const KNOWN_FILESYSTEMS: [&str; 4] = ["ntfs", "fat", "fat16", "fat32"];

/// Why a job may not be, or what people have to know before it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whether the job may not be.
    pub blocks: bool,
    /// What is wrong, as a sentence.
    pub what: Bilingual,
    /// What to do, as sentences.
    pub next: Bilingual,
}

/// What speaks against the job of `server`: from the inventory, and from what was seen of the source, if it
/// was looked at.
pub fn refusals(server: &Server, job: &Job, seen: Option<&SourceSeen>) -> Vec<Refusal> {
    let mut found: Vec<Refusal> = [linux(server), directory(server, job)].into_iter().flatten().collect();
    if let Some(seen) = seen {
        found.extend(unknown_directory(server, seen));
        found.extend(cannot(job, seen));
        found.extend(seen.disks.iter().flat_map(disk));
        found.extend(services(job, seen));
    }
    if job.target.networks.is_empty() {
        found.push(blocking(
            both(
                "Nessuna rete è indicata per le schede della copia.",
                "No network is named for the cards of the copy.",
            ),
            both("Indicare `networks` nell'inventario.", "Name `networks` in the inventory."),
        ));
    }
    found
}

fn blocking(what: Bilingual, next: Bilingual) -> Refusal {
    Refusal { blocks: true, what, next }
}

fn linux(server: &Server) -> Option<Refusal> {
    matches!(server.os, Os::Linux(_)).then(|| {
        blocking(
            both(
                "Converter copia un Linux acceso solo per file e non sincronizza le modifiche: quello che gli utenti \
                 scrivono durante la copia andrebbe perso.",
                "Converter copies a running Linux by files only and synchronises nothing: what users write during the \
                 copy would be lost.",
            ),
            both("Usare `transfer: agent` o `rescue`.", "Use `transfer: agent` or `rescue`."),
        )
    })
}

fn directory(server: &Server, job: &Job) -> Option<Refusal> {
    if !server.is_domain_controller() {
        return None;
    }
    let stops = job.source.services_stopped.iter().any(|service| service.eq_ignore_ascii_case(DIRECTORY));
    let what = both(
        "Il server è un controller di dominio: una sincronizzazione finale con Active Directory in funzione rovina \
         la replica del dominio (USN rollback).",
        "The server is a domain controller: a last synchronisation while Active Directory runs damages the \
         replication of the domain (USN rollback).",
    );
    match server.directory {
        Some(DirectoryWay::Dsrm) => None,
        Some(DirectoryWay::NtdsStopped) if stops => None,
        Some(DirectoryWay::NtdsStopped) => Some(blocking(
            what,
            both(
                "Aggiungere `NTDS` a `services_stopped` del server.",
                "Add `NTDS` to the server's `services_stopped`.",
            ),
        )),
        _ => Some(blocking(
            what,
            both(
                "Scegliere `directory: ntds-stopped` o `dsrm`, firmato da entrambe le parti, oppure `transfer: rescue` \
                 a macchina spenta.",
                "Choose `directory: ntds-stopped` or `dsrm`, signed by both sides, or `transfer: rescue` with the \
                 machine off.",
            ),
        )),
    }
}

fn unknown_directory(server: &Server, seen: &SourceSeen) -> Option<Refusal> {
    (seen.directory && !server.is_domain_controller()).then(|| {
        blocking(
            both(
                "Sul server c'è il servizio NTDS: è un controller di dominio, ma l'inventario non lo dice.",
                "The server has the service NTDS: it is a domain controller, and the inventory does not say so.",
            ),
            both(
                "Aggiungere `ad` ai suoi `roles` e concordare `directory` con il Comune.",
                "Add `ad` to its `roles` and agree on `directory` with the Comune.",
            ),
        )
    })
}

fn cannot(job: &Job, seen: &SourceSeen) -> Vec<Refusal> {
    let mut found = Vec::new();
    if !seen.can_synchronize {
        found.push(blocking(
            both(
                "Converter non può sincronizzare le modifiche di questo server.",
                "Converter cannot synchronise the changes of this server.",
            ),
            both(
                "Usare `transfer: rescue`: senza sincronizzazione le modifiche fatte durante la copia vanno perse.",
                "Use `transfer: rescue`: without synchronisation what changes during the copy is lost.",
            ),
        ));
    }
    if !seen.can_stop_services && !job.source.services_stopped.is_empty() {
        found.push(blocking(
            both(
                "Converter non può fermare i servizi di questo server.",
                "Converter cannot stop services of this server.",
            ),
            both(
                "Fermarli a mano prima della sincronizzazione finale e toglierli da `services_stopped`.",
                "Stop them by hand before the last synchronisation and take them out of `services_stopped`.",
            ),
        ));
    }
    found
}

fn disk(disk: &KeptDisk) -> Vec<Refusal> {
    let mut found = Vec::new();
    if disk.dynamic {
        let id = &disk.id;
        found.push(Refusal {
            blocks: false,
            what: both(
                format!("Il disco `{id}` è dinamico: nella copia diventa di base."),
                format!("The disk `{id}` is dynamic: it becomes a basic one in the copy."),
            ),
            next: both(
                "Verificare dopo la copia lettere e dimensioni dei volumi; striping e mirror non ci sono più.",
                "Check letters and sizes of volumes after the copy; stripes and mirrors are gone.",
            ),
        });
    }
    for volume in &disk.volumes {
        let known = KNOWN_FILESYSTEMS.contains(&volume.filesystem.to_ascii_lowercase().as_str());
        if !known {
            let name = if volume.mount.is_empty() { &volume.id } else { &volume.mount };
            found.push(blocking(
                both(
                    format!("Il volume `{name}` non si legge come NTFS o FAT: può essere cifrato con BitLocker."),
                    format!("The volume `{name}` reads as neither NTFS nor FAT: it may be encrypted by BitLocker."),
                ),
                both(
                    "Sospendere BitLocker non basta: decifrare il volume, e conservare la chiave di ripristino.",
                    "To suspend BitLocker is not enough: decrypt the volume, and keep the recovery key.",
                ),
            ));
        }
    }
    found
}

fn services(job: &Job, seen: &SourceSeen) -> Vec<Refusal> {
    let unknown = |service: &&String| !seen.services.iter().any(|there| there.name.eq_ignore_ascii_case(service));
    let stubborn = |service: &&String| {
        seen.services.iter().any(|there| there.name.eq_ignore_ascii_case(service) && !there.can_be_stopped)
    };
    let missing = job.source.services_stopped.iter().filter(unknown).map(|service| {
        blocking(
            both(
                format!("Il servizio `{service}` da fermare non esiste sul server."),
                format!("The service `{service}` that is to be stopped is not on the server."),
            ),
            both(
                "Scrivere il nome breve che mostra `sc query`, non quello visualizzato.",
                "Write the short name that `sc query` shows, not the one on display.",
            ),
        )
    });
    let stubborn = job.source.services_stopped.iter().filter(stubborn).map(|service| {
        blocking(
            both(
                format!("Il servizio `{service}` non si lascia fermare."),
                format!("The service `{service}` cannot be stopped."),
            ),
            both(
                "Fermare a mano l'applicazione e toglierlo da `services_stopped`.",
                "Stop the application by hand and take it out of `services_stopped`.",
            ),
        )
    });
    missing.chain(stubborn).collect()
}
