//! Every setting of the wizard, in the order of its screens, with its reason.

use super::both;
use crate::model::bilingual::Bilingual;
use crate::model::converter::{Aside, Job, KeptDisk, SourceSeen};
use crate::untrusted::printable;

/// A screen of the wizard, by the title that it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// Source System.
    Source,
    /// Destination System.
    Destination,
    /// Destination Virtual Machine.
    Machine,
    /// Destination Location.
    Location,
    /// Options: Data to copy.
    Data,
    /// Options: Devices.
    Devices,
    /// Options: Networks.
    Networks,
    /// Options: Services.
    Services,
    /// Options: Advanced options.
    Advanced,
    /// Options: Throttling.
    Throttling,
    /// Summary.
    Summary,
}

impl Screen {
    /// The title, as the wizard shows it.
    pub fn title(self) -> &'static str {
        match self {
            Screen::Source => "Source System",
            Screen::Destination => "Destination System",
            Screen::Machine => "Destination Virtual Machine",
            Screen::Location => "Destination Location",
            Screen::Data => "Options: Data to copy",
            Screen::Devices => "Options: Devices",
            Screen::Networks => "Options: Networks",
            Screen::Services => "Options: Services",
            Screen::Advanced => "Options: Advanced options",
            Screen::Throttling => "Options: Throttling",
            Screen::Summary => "Summary",
        }
    }
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Where it is.
    pub screen: Screen,
    /// Its label, as the wizard shows it.
    pub field: String,
    /// What is chosen or typed.
    pub value: Bilingual,
    /// Why.
    pub why: Bilingual,
}

/// All settings of `job`, in order; volumes one by one where the source was seen.
pub fn settings(job: &Job, seen: Option<&SourceSeen>) -> Vec<Setting> {
    let parts =
        [source(job), destination(job), data(job, seen), devices(job), services(job), advanced(job.aside), last(job)];
    parts.into_iter().flatten().collect()
}

/// The same in both languages.
fn same(value: &str) -> Bilingual {
    both(printable(value), printable(value))
}

fn yes(checked: bool) -> Bilingual {
    if checked { both("sì (spuntata)", "yes (checked)") } else { both("no (senza spunta)", "no (unchecked)") }
}

fn one(screen: Screen, field: &str, value: Bilingual, why: Bilingual) -> Setting {
    Setting { screen, field: field.to_owned(), value, why }
}

fn source(job: &Job) -> Vec<Setting> {
    use Screen::Source;
    let from = both("dall'inventario", "from the inventory");
    vec![
        one(
            Source,
            "Select source type",
            same("Powered on > Remote Windows machine"),
            both("L'origine resta accesa e in servizio.", "The source stays on and in service."),
        ),
        one(Source, "IP address or name", same(&job.source.host), from.clone()),
        one(
            Source,
            "User name",
            same(&job.source.user),
            both("Amministratore dell'origine.", "An administrator of it."),
        ),
        one(
            Source,
            "Password",
            both(
                format!("quella in {}", printable(&job.source.password.to_string())),
                format!("that in {}", printable(&job.source.password.to_string())),
            ),
            both("Mai scritta su questa pagina.", "Never written on this page."),
        ),
        one(Source, "OS family", same("Windows"), from),
        one(
            Source,
            "Agent: uninstall when import succeeds",
            if job.aside.uninstall_agent {
                both("automaticamente", "automatically")
            } else {
                both("manualmente", "manually")
            },
            both("Sull'origine non resta niente.", "Nothing is left on the source."),
        ),
    ]
}

fn destination(job: &Job) -> Vec<Setting> {
    use Screen::{Destination, Location, Machine};
    let target = &job.target;
    let from = || both("dall'inventario", "from the inventory");
    vec![
        one(Destination, "Select destination type", same("VMware Infrastructure virtual machine"), from()),
        one(Destination, "Server", same(&target.vcenter), from()),
        one(Destination, "User name", same(&target.user), from()),
        one(
            Destination,
            "Password",
            both(
                format!("quella in {}", printable(&target.password.to_string())),
                format!("that in {}", printable(&target.password.to_string())),
            ),
            both("Mai scritta su questa pagina.", "Never written on this page."),
        ),
        one(
            Machine,
            "Name",
            same(&target.name),
            both("traghetto segue la macchina con questo nome.", "traghetto follows the machine of this name."),
        ),
        one(Machine, "Folder", same(&target.folder), from()),
        one(Location, "Cluster or host", same(&target.cluster), from()),
        one(Location, "Resource pool", same(&target.pool), from()),
        one(Location, "Datastore", same(&target.datastore), from()),
        one(
            Location,
            "Virtual machine version",
            same(&target.hardware),
            both("Quella che gli host del data center reggono.", "The one that the hosts of the data center carry."),
        ),
    ]
}

fn data(job: &Job, seen: Option<&SourceSeen>) -> Vec<Setting> {
    use Screen::Data;
    let mut all = vec![one(
        Data,
        "Data copy type",
        same("Select volumes to copy > Advanced"),
        both(
            "Copia a blocchi con la mappa delle modifiche: la sola che si sincronizza.",
            "By blocks with a map of changes: the only way that synchronises.",
        ),
    )];
    match seen {
        Some(seen) => all.extend(seen.disks.iter().flat_map(kept)),
        None => all.push(one(
            Data,
            "Source volumes",
            both("tutti, senza toglierne", "all of them"),
            both("Anche quelli senza lettera servono all'avvio.", "Those without a letter are needed to boot, too."),
        )),
    }
    all.push(one(
        Data,
        "Destination layout: size",
        same("Maintain size"),
        both(
            "Con un'altra dimensione la copia diventa per file e non si sincronizza più; dischi, ordine e numeri \
             delle partizioni restano quelli dell'origine.",
            "With another size the copy goes by files and cannot be synchronised; disks, order and numbers of \
             partitions stay those of the source.",
        ),
    ));
    all.push(one(
        Data,
        "Ignore page file and hibernation file",
        yes(job.aside.skip_unwanted_files),
        both("Non sono dati, e sono gigabyte sulla linea.", "They are no data, and gigabytes on the line."),
    ));
    all.push(one(
        Data,
        "Create optimized partition layout",
        yes(job.aside.realign),
        both(
            "Spostare le partizioni può impedire l'avvio e rende la copia diversa dall'origine.",
            "Moved partitions may not boot, and make the copy differ from the source.",
        ),
    ));
    all
}

fn kept(disk: &KeptDisk) -> Vec<Setting> {
    let one_volume = |volume: &crate::model::converter::KeptVolume| {
        let name = if volume.mount.is_empty() { &volume.id } else { &volume.mount };
        let (it, en) = match volume.partition {
            Some(number) => (format!("partizione {number}"), format!("partition {number}")),
            None => ("nessuna partizione".to_owned(), "no partition".to_owned()),
        };
        let (id, used) = (printable(&disk.id), volume.used);
        one(
            Screen::Data,
            &format!("Source volume {}", printable(name)),
            both(
                format!("su {id}, {it}, {} byte, tenuta", volume.bytes),
                format!("on {id}, {en}, {} bytes, kept", volume.bytes),
            ),
            both(format!("usati {used} byte"), format!("{used} bytes used")),
        )
    };
    disk.volumes.iter().map(one_volume).collect()
}

fn devices(job: &Job) -> Vec<Setting> {
    use Screen::{Devices, Networks};
    let mut all = vec![one(
        Devices,
        "Disk controller",
        same("SCSI LSI Logic SAS"),
        both(
            "Il solo driver che Windows 7 e 2008 R2 hanno già dentro: con un altro la copia si ferma con 0x7B.",
            "The only driver that Windows 7 and 2008 R2 have inside: with another one the copy stops with 0x7B.",
        ),
    )];
    for (number, network) in (1..).zip(&job.target.networks) {
        all.push(one(
            Networks,
            &format!("NIC{number}: network"),
            same(network),
            both("dall'inventario", "from the inventory"),
        ));
        all.push(one(
            Networks,
            &format!("NIC{number}: controller type"),
            same("E1000"),
            both(
                "Funziona senza VMware Tools; vmxnet3 viene dopo, come voce della lista.",
                "Works without VMware Tools; vmxnet3 comes later, as an item of the list.",
            ),
        ));
        all.push(one(
            Networks,
            &format!("NIC{number}: Connect at power on"),
            yes(job.aside.connect_nics),
            both(
                "Origine e copia non stanno mai insieme sulla rete del Comune.",
                "Source and copy are never on the tenant's network together.",
            ),
        ));
    }
    all
}

fn services(job: &Job) -> Vec<Setting> {
    use Screen::Services;
    let stopped = &job.source.services_stopped;
    let none = both("nessuno", "none");
    let mut all = vec![one(
        Services,
        "Destination services: startup mode",
        both("lasciare com'è", "leave as it is"),
        both("La copia si comporta come l'origine.", "The copy behaves like the source."),
    )];
    let value = if stopped.is_empty() { none } else { same(&stopped.join(", ")) };
    all.push(one(
        Services,
        "Source services: Stop",
        value,
        both(
            "Fermi prima della sincronizzazione finale, così i loro file sono fermi.",
            "Stopped before the last synchronisation, so that their files stand still.",
        ),
    ));
    all
}

fn advanced(aside: Aside) -> Vec<Setting> {
    use Screen::Advanced;
    let people = || {
        both(
            "Lo fanno le persone, e poi si prova che l'origine tace.",
            "People do it, and then it is proven that the source is silent.",
        )
    };
    vec![
        one(
            Advanced,
            "Synchronize changes",
            yes(true),
            both("Dopo la prima copia passano solo le modifiche.", "After the first copy only changes go over."),
        ),
        one(
            Advanced,
            "Run immediately after the cloning",
            yes(false),
            both("Le sincronizzazioni si chiedono, una per una.", "Synchronisations are asked for, one by one."),
        ),
        one(
            Advanced,
            "Perform final synchronization",
            yes(false),
            both(
                "La finale si chiede nella finestra, a servizi fermi.",
                "The last one is asked for in the window, with services stopped.",
            ),
        ),
        one(Advanced, "Power on destination machine", yes(aside.power_on_target), people()),
        one(Advanced, "Power off source machine", yes(aside.shutdown_source), people()),
        one(
            Advanced,
            "Install VMware Tools",
            yes(aside.install_tools),
            both("Viene dopo, sul clone di prova.", "Comes later, on the clone of the test."),
        ),
        one(
            Advanced,
            "Customize guest preferences",
            yes(aside.customize),
            both(
                "Nome, SID e indirizzi restano quelli dell'origine.",
                "Name, SID and addresses stay those of the source.",
            ),
        ),
        one(
            Advanced,
            "Remove System Restore checkpoints",
            yes(aside.remove_checkpoints),
            both("La copia è come l'origine.", "The copy is like the source."),
        ),
        one(
            Advanced,
            "Reconfigure destination virtual machine",
            yes(true),
            both("Senza, la copia non si avvia.", "Without it the copy does not boot."),
        ),
    ]
}

fn last(job: &Job) -> Vec<Setting> {
    use Screen::{Summary, Throttling};
    vec![
        one(
            Throttling,
            "CPU, Network bandwidth",
            both("None, senza limite", "None, no limit"),
            both(
                "Il calendario della linea sospende e riprende il job: un limite fisso lo rallenterebbe anche di notte.",
                "The calendar of the line suspends and resumes the job: a fixed limit would slow it down at night, too.",
            ),
        ),
        one(
            Summary,
            "Job name",
            same(&job.name()),
            both("Con questo nome traghetto lo ritrova.", "By this name traghetto finds it again."),
        ),
        one(
            Summary,
            "Job description",
            same(&job.description()),
            both("L'impronta di queste impostazioni.", "The digest of these settings."),
        ),
    ]
}
