//! What a server does for the offices, and what they cannot do while it moves.

use crate::migration::AgreedServer;
use crate::model::bilingual::Bilingual;
use crate::model::server::ServerRole;

/// Each service of a server with what users cannot do without it.
pub(super) fn of(server: &AgreedServer) -> Vec<(Bilingual, Bilingual)> {
    let mut found: Vec<(Bilingual, Bilingual)> = server.roles.iter().map(|role| of_role(*role)).collect();
    found.extend(server.services_stop.iter().map(|service| {
        let cannot = say("usare ciò che dipende da questo servizio", "use what depends on this service");
        (say(service, service), cannot)
    }));
    if found.is_empty() {
        let cannot = say("usare ciò che gira su questo server", "use what runs on this server");
        found.push((say("server", "server"), cannot));
    }
    found
}

fn of_role(role: ServerRole) -> (Bilingual, Bilingual) {
    match role {
        ServerRole::Ad => (
            say("accesso degli utenti (Active Directory)", "logon (Active Directory)"),
            say(
                "accedere alle postazioni con un'utenza nuova e alle risorse di rete; cambiare la password",
                "log on to workstations with a new account and to network resources; change the password",
            ),
        ),
        ServerRole::Dns => (
            say("nomi della rete (DNS)", "names (DNS)"),
            say(
                "raggiungere per nome server, stampanti e siti: anche i servizi in Internet possono non aprirsi",
                "reach servers, printers and sites by name: services on the Internet may not open either",
            ),
        ),
        ServerRole::Dhcp => (
            say("indirizzi delle postazioni (DHCP)", "addresses of workstations (DHCP)"),
            say(
                "collegare alla rete una postazione spenta da tempo: le altre tengono il loro indirizzo",
                "bring a workstation onto the network that was off for long: the others keep their address",
            ),
        ),
        ServerRole::Logging => (
            say("raccolta dei registri", "collection of logs"),
            say(
                "consultare i registri raccolti; quelli di quelle ore restano sugli apparati",
                "look at the logs that were collected; those of these hours stay on the devices",
            ),
        ),
        ServerRole::File => (
            say("cartelle condivise", "shared folders"),
            say("aprire e salvare documenti nelle cartelle condivise", "open and save documents in shared folders"),
        ),
        ServerRole::Print => {
            (say("stampa in rete", "network printing"), say("stampare in rete", "print on network printers"))
        }
        ServerRole::Database => (
            say("basi dati", "databases"),
            say("usare i programmi che leggono queste basi dati", "use the programs that read these databases"),
        ),
        ServerRole::Application => (
            say("applicativi", "applications"),
            say("usare gli applicativi del server", "use the server's applications"),
        ),
    }
}

fn say(it: &str, en: &str) -> Bilingual {
    Bilingual { it: it.to_owned(), en: en.to_owned() }
}
