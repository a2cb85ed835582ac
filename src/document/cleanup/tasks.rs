//! What a tenant's servers and its way of the copying leave behind.

use super::{Area, Doer, Task};
use crate::model::ServerId;
use crate::model::bilingual::Bilingual;
use crate::model::project::{LandingMachines, Project};
use crate::model::server::{Addressing, DirectoryWay, Os, Server, ServerRole, Transfer};
use crate::model::tenant::Tenant;
use crate::model::vsphere::VsphereWay;
use crate::network::migration_path::{MigrationPath, Side, Way};

/// All tasks, in no order of areas.
pub(super) fn of(tenant: &Tenant, paths: &[&MigrationPath]) -> Vec<Task> {
    let servers = tenant.servers.known().map(Vec::as_slice).unwrap_or_default();
    let mut tasks = Vec::new();
    for server in servers {
        tasks.extend(directory(server));
        tasks.push(names(server));
        tasks.extend(services(server));
        let copied = |path: &&&MigrationPath| path.flows.iter().any(|flow| flow.server == server.id);
        let path = paths.iter().find(copied).copied();
        tasks.extend(openings(server, path));
        tasks.extend(routes(server, path));
        tasks.extend(accounts(server));
        tasks.push(monitoring(server));
    }
    let bridged = paths.iter().find(|path| matches!(path.way, Way::JumpHost { .. }));
    tasks.extend(of_tenant(tenant, bridged.or(paths.first()).copied(), !servers.is_empty()));
    tasks
}

/// The export from which machines booted: no machine of the tenant runs from it any more. Clones of servers that were
/// taken back or skipped are kept there until people decide. No item of the decommissioning asks for it.
pub(super) fn export(project: &Project, tenant: &Tenant) -> Option<Task> {
    let LandingMachines::Vsphere(vsphere) = &project.landing.machines else { return None };
    let VsphereWay::Nfs(staging) = &vsphere.way else { return None };
    if staging.datastore == vsphere.datastore {
        return None;
    }
    let (from, to, id) = (&staging.datastore, &vsphere.datastore, &tenant.id);
    let folder = staging.directory.join(id.as_str());
    let (it, en) = if folder.is_absolute() {
        ("", "")
    } else {
        (" (dalla radice dell'inventario)", " (from the inventory's root)")
    };
    let folder = folder.display();
    let what = text(
        format!(
            "Nessuna macchina dell'ente resta sul datastore {from}: il passo «relocate» le ha portate su {to}; una che è \
             ancora lì si sposta con Storage vMotion, o spenta"
        ),
        format!(
            "No machine of the tenant stays on the datastore {from}: the step `relocate` moved them to {to}; one that is \
             still there is moved by Storage vMotion, or while it is off"
        ),
    );
    let check = text(
        format!(
            "In vSphere le macchine di {id} non usano {from}; sull'host operativo la cartella {folder}{it} ha solo cloni \
             di server riportati indietro o saltati, se ce ne sono: si tolgono a mano quando è deciso"
        ),
        format!(
            "In vSphere no machine of {id} uses {from}; on the operations host the folder {folder}{en} holds only clones \
             of servers that were taken back or skipped, if any: people remove them by hand once that is decided"
        ),
    );
    Some(task((Area::Way, "", Doer::Operator), None, what, check))
}

fn text(it: impl Into<String>, en: impl Into<String>) -> Bilingual {
    Bilingual { it: it.into(), en: en.into() }
}

fn task(
    (area, item, who): (Area, &'static str, Doer),
    server: Option<&ServerId>,
    what: Bilingual,
    check: Bilingual,
) -> Task {
    Task { area, item, server: server.cloned(), who, what, check }
}

/// Whether another machine takes over: its account and its records go, while those of a moved machine stay.
fn is_gone(server: &Server) -> bool {
    server.transfer == Transfer::Replace || server.directory == Some(DirectoryWay::Replace)
}

fn directory(server: &Server) -> Vec<Task> {
    let id = &server.id;
    let about = (Area::Directory, "D-04", Doer::Operator);
    let mut tasks = Vec::new();
    if is_gone(server) && server.is_domain_controller() {
        let what = text(
            format!(
                "Togliere le NTDS Settings di {id} (retrocederlo, o «metadata cleanup» di ntdsutil), dopo aver visto che \
                 nessun ruolo FSMO è suo; poi l'oggetto server nel sito e i record SRV e CNAME in _msdcs"
            ),
            format!(
                "Remove the NTDS Settings of {id} (demote it, or `metadata cleanup` of ntdsutil) once it owns no FSMO \
                 role; then the server object in its site, the SRV records and the CNAME in _msdcs"
            ),
        );
        let check = text(
            "«netdom query fsmo», «dsquery server» e «repadmin /showrepl *» non lo nominano; «dcdiag /q» non dice nulla",
            "`netdom query fsmo`, `dsquery server` and `repadmin /showrepl *` do not name it; `dcdiag /q` says nothing",
        );
        tasks.push(task(about, Some(id), what, check));
    }
    if is_gone(server) && matches!(server.os, Os::Windows(_)) {
        let what = text(
            format!("Disabilitare l'account computer di {id}; eliminarlo dopo la quiete"),
            format!("Disable the computer account of {id}; delete it after the quiet period"),
        );
        let check = text("«dsquery computer -name» non lo trova", "`dsquery computer -name` does not find it");
        tasks.push(task(about, Some(id), what, check));
    }
    if !is_gone(server) && server.is_domain_controller() {
        let what = text(
            format!(
                "{id} resta controller con il suo account: nulla di suo si elimina. Togliere NTDS Settings, account \
                 computer e record SRV di altri controller che non ci sono più"
            ),
            format!(
                "{id} goes on as a controller with its account: nothing of it is deleted. Remove NTDS Settings, computer \
                 accounts and SRV records of other controllers that are gone"
            ),
        );
        let check = text(
            "«dsquery server» elenca solo controller che rispondono; «dcdiag /q» e «repadmin /showrepl *» senza errori",
            "`dsquery server` lists only controllers that answer; `dcdiag /q` and `repadmin /showrepl *` without errors",
        );
        tasks.push(task(about, Some(id), what, check));
    }
    tasks
}

fn names(server: &Server) -> Task {
    let (id, old) = (&server.id, server.address);
    let (what, check) = match server.landing {
        _ if is_gone(server) => (
            text(
                format!("Togliere i record A e PTR di {id} ({old}), e NS, SRV e inoltri che lo nominano"),
                format!("Remove the A and PTR records of {id} ({old}), and NS, SRV and forwarders that name it"),
            ),
            text(
                format!("«nslookup {id}» e «nslookup {old}» da un PC della sede: nessuna risposta"),
                format!("`nslookup {id}` and `nslookup {old}` from a PC of the town: no answer"),
            ),
        ),
        Addressing::Renumber(new) => (
            text(
                format!("Record A, PTR, SRV e NS di {id}: {old} non compare più, resta {new}"),
                format!("A, PTR, SRV and NS records of {id}: {old} is gone, {new} remains"),
            ),
            text(
                format!("«nslookup {id}» da un PC della sede dice {new}; «nslookup {old}» non risponde"),
                format!("`nslookup {id}` from a PC of the town says {new}; `nslookup {old}` has no answer"),
            ),
        ),
        Addressing::Keep | Addressing::RoutesOnly => (
            text(
                format!("I record di {id} restano con {old}: togliere solo doppioni e nomi del test"),
                format!("The records of {id} stay with {old}: remove only duplicates and names of the test"),
            ),
            text(
                format!("«nslookup {id}» dice solo {old}; «arp -a» di un PC non mostra il vecchio indirizzo hardware"),
                format!("`nslookup {id}` says {old} only; `arp -a` of a PC does not show the old hardware address"),
            ),
        ),
    };
    task((Area::Names, "D-03", Doer::Operator), Some(id), what, check)
}

/// Who asks a server, by its role, and whether that has another address now.
fn services(server: &Server) -> Vec<Task> {
    let mut tasks: Vec<Task> = server.roles.iter().filter_map(|role| service(server, *role)).collect();
    tasks.dedup();
    tasks
}

fn service(server: &Server, role: ServerRole) -> Option<Task> {
    let (id, old) = (&server.id, server.address);
    let now = match server.landing {
        _ if is_gone(server) => text(
            format!("al posto di {old} l'indirizzo del server che lo sostituisce"),
            format!("instead of {old} the address of the server which replaces it"),
        ),
        Addressing::Renumber(new) => {
            text(format!("al posto di {old} l'indirizzo è {new}"), format!("instead of {old} the address is {new}"))
        }
        Addressing::Keep | Addressing::RoutesOnly => text(
            format!("l'indirizzo resta {old}, e risponde la copia"),
            format!("the address stays {old}, and the copy answers"),
        ),
    };
    let (who, asks, check) = match role {
        ServerRole::Ad => (
            Doer::Comune,
            text(
                "sorgente dell'ora (NTP) di PC, firewall, switch e stampanti",
                "time source (NTP) of PCs, firewall, switches and printers",
            ),
            text(
                "«w32tm /query /source» su un PC; stato NTP di firewall e switch",
                "`w32tm /query /source` on a PC; NTP status of firewall and switches",
            ),
        ),
        ServerRole::Dns => (
            Doer::Comune,
            text(
                "server DNS nelle opzioni DHCP (006), nelle configurazioni statiche e negli inoltri",
                "DNS server in DHCP options (006), static settings and forwarders",
            ),
            text(
                "«ipconfig /all» su un PC rinnovato; risoluzione di un nome interno e di uno esterno",
                "`ipconfig /all` on a PC after renewal; an internal and an external name resolve",
            ),
        ),
        ServerRole::Dhcp => (
            Doer::Comune,
            text(
                "server DHCP: opzioni dell'ambito (003, 006, 015, 042), inoltro (relay) verso il data center, ambito del vecchio server disattivato e non più autorizzato",
                "DHCP server: options of the scope (003, 006, 015, 042), relay to the data center, scope of the old server deactivated and no longer authorized",
            ),
            text(
                "un PC rinnova: «ipconfig /all» nomina un solo server DHCP",
                "a PC renews: `ipconfig /all` names one DHCP server",
            ),
        ),
        ServerRole::Logging => (
            Doer::Comune,
            text(
                "raccoglitore dei log di firewall, router, switch e server; i log degli amministratori si conservano almeno 6 mesi",
                "log collector of firewall, routers, switches and servers; administrators' logs are kept for 6 months at least",
            ),
            text(
                "nel raccoglitore c'è una riga di oggi di ogni apparato",
                "the collector has a line of today from each device",
            ),
        ),
        ServerRole::Print => (
            Doer::Comune,
            text("code di stampa e notifiche delle stampanti", "print queues and notices of printers"),
            text("una pagina di prova da ogni coda", "a test page from each queue"),
        ),
        ServerRole::File => (
            Doer::Comune,
            text(
                "unità di rete, DFS e collegamenti, destinazioni degli scanner",
                "network drives, DFS and links, targets of scanners",
            ),
            text("«net use» su un PC; una scansione arriva", "`net use` on a PC; a scan arrives"),
        ),
        ServerRole::Database | ServerRole::Application => (
            Doer::Operator,
            text(
                "stringhe di connessione, ODBC e pianificazioni di altri programmi",
                "connection strings, ODBC and schedules of other programs",
            ),
            text("ogni programma dell'elenco si apre e salva", "each program of the list opens and saves"),
        ),
    };
    let what = text(format!("{}: {}", asks.it, now.it), format!("{}: {}", asks.en, now.en));
    Some(task((Area::Services, "D-05", who), Some(id), what, check))
}

/// Openings of the town's firewall for the copying.
fn openings(server: &Server, path: Option<&MigrationPath>) -> Option<Task> {
    let id = &server.id;
    let flows = path.map(|path| path.flows.as_slice()).unwrap_or_default();
    let shown: Vec<String> = flows
        .iter()
        .filter(|flow| flow.server == *id)
        .map(|flow| match flow.called {
            Side::Town => format!("{} -> {} TCP {}", flow.host.address, flow.local, flow.port),
            Side::Sad => format!("{} -> {} TCP {}", flow.local, flow.host.address, flow.port),
        })
        .collect();
    if shown.is_empty() {
        return None;
    }
    let shown = shown.join("; ");
    let what = text(
        format!("Chiudere sul firewall della sede le aperture della copia: {shown}"),
        format!("Close the openings for the copying on the town's firewall: {shown}"),
    );
    let check = text(
        "L'elenco delle regole del firewall non le ha più; da un host del data center «nc -vz» non ottiene risposta",
        "The firewall's rules have none of them; `nc -vz` from a host at the data center gets no answer",
    );
    Some(task((Area::Way, "D-11", Doer::Comune), Some(id), what, check))
}

/// Routes of the server, and those of its copy, which brought them along.
fn routes(server: &Server, path: Option<&MigrationPath>) -> Option<Task> {
    let hosts = path?.routed_hosts();
    if hosts.is_empty() || !path?.flows.iter().any(|flow| flow.server == server.id) {
        return None;
    }
    let hosts: Vec<String> = hosts.iter().map(|host| format!("{}/32", host.address)).collect();
    let hosts = hosts.join(", ");
    let what = text(
        format!("Togliere dalla copia le rotte della via temporanea, se la sorgente le aveva: {hosts}"),
        format!("Remove the routes of the temporary way from the copy, where the source had them: {hosts}"),
    );
    let check = match server.os {
        Os::Windows(_) => text("«route print -4» non le elenca", "`route print -4` does not list them"),
        Os::Linux(_) => text(
            "«ip route» non le elenca, nemmeno dopo un riavvio",
            "`ip route` does not list them, nor after a restart",
        ),
    };
    Some(task((Area::Way, "D-11", Doer::Operator), Some(&server.id), what, check))
}

fn accounts(server: &Server) -> Vec<Task> {
    let about = (Area::Accounts, "D-11", Doer::Operator);
    let mut tasks: Vec<Task> = rescue_system(server).into_iter().collect();
    // What a rescue system lets in is no account of the server.
    let source = server.access.as_ref().filter(|_| server.transfer != Transfer::Rescue);
    let ssh = [source, server.landing_access.as_ref()].into_iter().flatten();
    let mut users: Vec<String> = ssh.map(|access| format!("SSH {}@{}", access.user, access.host)).collect();
    for access in [&server.winrm, &server.landing_winrm].into_iter().flatten() {
        users.push(format!("WinRM {} ({})", access.user, access.host));
    }
    users.sort();
    users.dedup();
    if !users.is_empty() {
        let users = users.join("; ");
        let what = text(
            format!("Eliminare utenze, chiavi e deleghe date per lo spostamento, anche dalla copia: {users}"),
            format!("Delete accounts, keys and rights given for the move, from the copy, too: {users}"),
        );
        let check = text(
            "L'accesso con la stessa chiave o password è rifiutato; le regole di WinRM e di SSH sono come prima",
            "A login with the same key or password is refused; the rules of WinRM and SSH are as before",
        );
        tasks.push(task(about, Some(&server.id), what, check));
    }
    if matches!(server.transfer, Transfer::Converter | Transfer::ConverterAssisted) {
        let what = text(
            "Disinstallare l'agente di VMware Converter dalla copia",
            "Uninstall the agent of VMware Converter from the copy",
        );
        let check = text("Nessun servizio «vmware-converter-agent»", "There is no service `vmware-converter-agent`");
        tasks.push(task(about, Some(&server.id), what, check));
    }
    tasks
}

fn rescue_system(server: &Server) -> Option<Task> {
    let access = server.access.as_ref().filter(|_| server.transfer == Transfer::Rescue)?;
    let what = text(
        format!(
            "Ritirare il sistema di soccorso (chiavetta o avvio dalla rete) e la chiave che vi entra: SSH {}@{}",
            access.user, access.host
        ),
        format!(
            "Take back the rescue system (stick or network boot) and the key that opens it: SSH {}@{}",
            access.user, access.host
        ),
    );
    let check = text(
        "La chiavetta è restituita e cancellata; la macchina non si avvia dalla rete; la chiave non è in altri sistemi",
        "The stick is returned and wiped; the machine does not boot from the network; the key is in no other system",
    );
    Some(task((Area::Accounts, "D-11", Doer::Comune), Some(&server.id), what, check))
}

fn monitoring(server: &Server) -> Task {
    let (id, old) = (&server.id, server.address);
    let what = text(
        format!(
            "Togliere dal monitoraggio la macchina fisica {id} ({old}, scheda di gestione, UPS); resta la copia al data center"
        ),
        format!(
            "Take the physical machine {id} ({old}, management card, UPS) out of the monitoring; its copy at the data center stays"
        ),
    );
    let check = text(
        "In un giorno di log di DNS, firewall e monitoraggio nessuno cerca il vecchio indirizzo hardware",
        "In a day of logs of DNS, firewall and monitoring nobody looks for the old hardware address",
    );
    task((Area::Monitoring, "D-03", Doer::Operator), Some(id), what, check)
}

/// The account on the machine that asked the test copies, which is of the data center and stays, or goes.
fn probe_machine(tenant: &Tenant) -> Option<Task> {
    let probe = tenant.test_probe.as_ref()?;
    let (user, host) = (&probe.user, &probe.host);
    let what = text(
        format!("Eliminare la macchina sonda della rete di prova, o la sua utenza e la sua chiave: SSH {user}@{host}"),
        format!("Delete the probe machine of the test network, or its account and key: SSH {user}@{host}"),
    );
    let check = text(
        format!("{host} non risponde, o rifiuta l'accesso con la stessa chiave o password"),
        format!("{host} does not answer, or refuses a login with the same key or password"),
    );
    Some(task((Area::Accounts, "D-11", Doer::Operator), None, what, check))
}

/// What is done once.
fn of_tenant(tenant: &Tenant, path: Option<&MigrationPath>, has_servers: bool) -> Vec<Task> {
    let id = &tenant.id;
    let about = (Area::Way, "D-11", Doer::Network);
    let mut tasks: Vec<Task> = probe_machine(tenant).into_iter().collect();
    match path {
        Some(path) => {
            let what = text(
                format!(
                    "Togliere dai router e dagli host del data center la via temporanea, come dice la cartella «migration» di «traghetto network render {id}»"
                ),
                format!(
                    "Take the temporary way off routers and hosts at the data center, as the folder `migration` of `traghetto network render {id}` says"
                ),
            );
            let check = text(
                "Nessuna riga della cartella «migration» è rimasta nelle configurazioni in esercizio e salvate; i servizi della sede rispondono",
                "No line of the folder `migration` is left in what runs and what is saved; the town's services answer",
            );
            tasks.push(task(about, None, what, check));
            if let Way::JumpHost { address } = &path.way {
                let what = text(
                    format!("Spegnere ed eliminare la macchina ponte {address}"),
                    format!("Switch off and delete the jump host {address}"),
                );
                let check = text(
                    format!("{address} non risponde; la macchina non è più nell'inventario di vSphere"),
                    format!("{address} does not answer; the machine is gone from the inventory of vSphere"),
                );
                tasks.push(task(about, None, what, check));
            }
        }
        None if has_servers => {
            let what = text(
                "L'inventario non dice per quale via si è copiato: chiedere quali rotte e aperture sono state fatte, e toglierle",
                "The inventory does not say by which way the copying went: ask which routes and openings were made, and remove them",
            );
            let check = text(
                "Il tecnico di rete e quello del Comune confermano per iscritto che non ne restano",
                "Network staff and the municipality's technician confirm in writing that none is left",
            );
            tasks.push(task(about, None, what, check));
        }
        None => {}
    }
    tasks
}
