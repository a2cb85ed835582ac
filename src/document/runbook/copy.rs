//! The last copy by hand: the source stands still, a clone of the replica gets every block that differs, and both are
//! equal by SHA-256. Only ssh, dd and sha256sum are needed on the source; the replica itself is only read.

use super::{RunbookStep, Sources, engineer, is_ours, on_site, say};
use crate::migration::line_seconds;
use crate::model::project::LandingTarget;
use crate::model::server::{Access, Disk, Login, SecretRef, Server, SshProfile, Transfer};
use crate::network::kit::Place;
use crate::untrusted::shell_quoted;
use std::path::{Path, PathBuf};

/// Bytes that are compared and copied at once.
const BLOCK: u64 = 4 << 20;

/// The folder of a server's clones, relative to the root.
pub(super) fn folder(sources: &Sources<'_>, server: &Server) -> PathBuf {
    Path::new("night").join(sources.tenant.id.as_str()).join(server.id.as_str())
}

/// The clone of a disk.
pub(super) fn clone(sources: &Sources<'_>, server: &Server, disk: &Disk) -> PathBuf {
    folder(sources, server).join(format!("{}.img", disk.id))
}

/// Where a server's replicas lie.
pub(super) fn replicas(sources: &Sources<'_>, server: &Server) -> Vec<String> {
    let images = server.disks.iter().filter(|_| is_ours(server)).map(|disk| replica(sources, server, disk));
    images.map(|image| image.display().to_string()).collect()
}

fn replica(sources: &Sources<'_>, server: &Server, disk: &Disk) -> PathBuf {
    let LandingTarget::Directory(replicas) = &sources.project.landing.target;
    replicas.join(sources.tenant.id.as_str()).join(server.id.as_str()).join(format!("{}.img", disk.id))
}

fn quoted(path: &Path) -> String {
    shell_quoted(&path.display().to_string())
}

/// Everything up to the equal clone.
pub(super) fn steps(sources: &Sources<'_>, server: &Server) -> Vec<RunbookStep> {
    let Some(access) = server.access.as_ref().filter(|_| is_ours(server)) else {
        return vec![by_converter(server)];
    };
    let mut steps = vec![prepare(sources, server, access), quiet(server, access)];
    if server.transfer == Transfer::Rescue {
        // Nothing answers there before the rescue system does.
        steps.swap(0, 1);
    }
    steps.extend(read_only(server, access));
    for disk in &server.disks {
        let Some(source) = &disk.source else { continue };
        let on = OnDisk { sources, server, disk, source, access };
        steps.push(on.copy());
        steps.push(on.prove());
    }
    steps
}

fn by_converter(server: &Server) -> RunbookStep {
    let what = say(
        "Ultima sincronizzazione nella finestra di VMware Converter, a servizi fermi: lavoro del server, «Synchronize», «Perform final synchronization».",
        "Final synchronisation in the window of VMware Converter, with the services stopped: the server's job, Synchronize, Perform final synchronization.",
    );
    RunbookStep::new("copy", engineer(), what)
        .expects(format!("Lavoro di {} concluso senza errori.", server.id), format!("Job of {} completed.", server.id))
}

/// Opens the shell: where it works, and `s`, which runs a command on the source.
fn prepare(sources: &Sources<'_>, server: &Server, access: &Access) -> RunbookStep {
    let folder = quoted(&folder(sources, server));
    let what = say(
        "Aprire una shell nella cartella del progetto; «s COMANDO» lo esegue sulla sorgente. Gli altri comandi di questo server si danno nella stessa shell.",
        "Open a shell in the project's folder; `s COMMAND` runs it on the source. The other commands of this server are given in the same shell.",
    );
    let mut step = opened(sources, server, access, RunbookStep::new("prepare", engineer(), what));
    if let Login::Password(reference) = &access.login {
        let (it, en) = match reference {
            SecretRef::Env(name) => (format!("variabile {name}"), format!("variable {name}")),
            SecretRef::File(path) => (format!("file {}", path.display()), format!("file {}", path.display())),
        };
        step =
            step.expects(format!("ssh chiede la parola d'accesso: {it}."), format!("ssh asks for the password: {en}."));
    }
    step.shell(format!("s {}", shell_quoted("hostname; uname -sr")))
        .expects("Nome e sistema della sorgente.", "Name and system of the source.")
        .undone_by(Place::Operations, format!("rm -rf -- {folder}"))
}

/// The lines that open the shell of a server.
fn opened(sources: &Sources<'_>, server: &Server, access: &Access, step: RunbookStep) -> RunbookStep {
    let mut step = step
        .shell(format!("cd -- {}", quoted(sources.root)))
        .shell(format!("mkdir -p -- {}", quoted(&folder(sources, server))));
    if let Some(line) = pinned_key(sources, server, access) {
        step = step.shell(line);
    }
    step.shell(format!("s() {{ ssh {} \"$@\"; }}", login(sources, server, access)))
}

/// Writes the host key that the inventory pins, and no other, into a file of its own.
fn pinned_key(sources: &Sources<'_>, server: &Server, access: &Access) -> Option<String> {
    let fingerprint = access.host_key.as_ref().filter(|_| access.via.is_none())?;
    let keys = quoted(&known_hosts(sources, server));
    let (host, fingerprint) = (shell_quoted(&access.host), shell_quoted(&format!(" {fingerprint} ")));
    Some(format!(
        "ssh-keyscan -p {} -- {host} 2>/dev/null | while read -r key; do printf '%s\\n' \"$key\" | ssh-keygen -lf - | grep -qF -- {fingerprint} && printf '%s\\n' \"$key\"; done > {keys} || test -s {keys}",
        access.port
    ))
}

fn known_hosts(sources: &Sources<'_>, server: &Server) -> PathBuf {
    folder(sources, server).join("known_hosts")
}

/// Options and host of ssh.
fn login(sources: &Sources<'_>, server: &Server, access: &Access) -> String {
    let mut options = options(access);
    match (&access.via, &access.host_key) {
        (Some(via), _) => {
            let jump = format!(
                "ssh {} -W %h:%p -l {} -- {}",
                self::options(via),
                shell_quoted(&via.user),
                shell_quoted(&via.host)
            );
            options.push_str(&format!(" -o {}", shell_quoted(&format!("ProxyCommand={jump}"))));
        }
        (None, Some(_)) => {
            // In quotes of ssh's own, which takes a blank for the next file.
            let keys = format!("UserKnownHostsFile=\"{}\"", known_hosts(sources, server).display());
            options.push_str(&format!(" -o {}", shell_quoted(&keys)));
        }
        (None, None) => {}
    }
    format!("{options} -l {} -- {}", shell_quoted(&access.user), shell_quoted(&access.host))
}

fn options(access: &Access) -> String {
    let mut options = format!("-p {} -o StrictHostKeyChecking=yes -o ServerAliveInterval=15", access.port);
    match &access.login {
        Login::Key(path) => options.push_str(&format!(" -o BatchMode=yes -o IdentitiesOnly=yes -i {}", quoted(path))),
        Login::Agent => options.push_str(" -o BatchMode=yes"),
        Login::Password(_) => {}
    }
    if access.ssh_profile == SshProfile::Legacy {
        options.push_str(
            " -o KexAlgorithms=+diffie-hellman-group14-sha1,diffie-hellman-group1-sha1 -o HostKeyAlgorithms=+ssh-rsa \
             -o PubkeyAcceptedAlgorithms=+ssh-rsa -o Ciphers=+aes128-cbc,3des-cbc -o MACs=+hmac-sha1",
        );
    }
    options
}

/// A line that runs `script` on the source, as root.
fn on_source(access: &Access, script: &str) -> String {
    let script =
        if access.user == "root" { script.to_owned() } else { format!("sudo -n sh -c {}", shell_quoted(script)) };
    format!("s {}", shell_quoted(&script))
}

/// Services stopped; a rescue system has none.
fn quiet(server: &Server, access: &Access) -> RunbookStep {
    if server.transfer == Transfer::Rescue {
        let what = say(
            "Avviare il server dal sistema di soccorso e non montarne alcun disco; le postazioni restano bloccate.",
            "Boot the server from the rescue system and mount none of its disks; clients stay blocked.",
        );
        return RunbookStep::new("quiet", on_site(), what)
            .expects("Il sistema di soccorso risponde a «s hostname».", "The rescue system answers `s hostname`.");
    }
    let what = say(
        "Bloccare le postazioni e fermare i servizi: resta aperta solo la via della copia.",
        "Block the clients and stop the services: only the copying path stays open.",
    );
    let mut step = RunbookStep::new("quiet", engineer(), what);
    for service in &server.services_stop {
        let unit = shell_quoted(service);
        step = step.shell(on_source(access, &format!("systemctl stop -- {unit} || service {unit} stop"))).undone_by(
            Place::Operations,
            on_source(access, &format!("systemctl start -- {unit} || service {unit} start")),
        );
    }
    step.expects("Nessuna sessione di utenti sul server.", "No session of users on the server.")
}

/// What is mounted of the disks becomes read-only, and their swap goes: a copy is of one moment.
fn read_only(server: &Server, access: &Access) -> Option<RunbookStep> {
    let devices: Vec<&PathBuf> = server.disks.iter().filter_map(|disk| disk.source.as_ref()).collect();
    let devices: Vec<&PathBuf> = devices.into_iter().filter(|source| source.starts_with("/dev")).collect();
    if server.transfer != Transfer::Agent || devices.is_empty() {
        return None;
    }
    let what = say(
        "Rendere di sola lettura ciò che è montato dei dischi. Se un punto resta «busy», alla console: «echo u > /proc/sysrq-trigger» (tutto in sola lettura, fino al riavvio).",
        "Make read-only what is mounted of the disks. Where one stays busy, at the console: `echo u > /proc/sysrq-trigger` (everything read-only until it is restarted).",
    );
    let mut step = RunbookStep::new("read_only", engineer(), what);
    for device in devices {
        let device = quoted(device);
        let mounted = format!("lsblk -nlo MOUNTPOINT {device} | grep ^/");
        step = step
            .shell(on_source(access, &format!(
                "sync; lsblk -nlpo NAME,MOUNTPOINT {device} | while read -r n m; do if [ \"$m\" = \"[SWAP]\" ]; then swapoff \"$n\"; fi; done"
            )))
            .shell(on_source(
                access,
                &format!("{mounted} | sort -ru | while IFS= read -r m; do mount -o remount,ro \"$m\"; done"),
            ))
            .shell(on_source(access, &format!("sync; blockdev --flushbufs {device}")))
            .undone_by(
                Place::Operations,
                on_source(access, &format!("{mounted} | sort -u | while IFS= read -r m; do mount -o remount,rw \"$m\"; done")),
            );
    }
    let step = step.undone_by(Place::Operations, on_source(access, "swapon -a"));
    Some(step.expects(
        "Nessun errore «busy»: in /proc/mounts quei punti sono «ro».",
        "No error `busy`: in /proc/mounts those places are `ro`.",
    ))
}

/// Starts again what was stopped, once the source is on again.
pub(super) fn start_services(sources: &Sources<'_>, server: &Server) -> Option<RunbookStep> {
    let access = server.access.as_ref().filter(|_| server.transfer == Transfer::Agent)?;
    if server.services_stop.is_empty() {
        return None;
    }
    let what = say("Avviare i servizi che non partono da soli.", "Start the services that do not start by themselves.");
    let mut step = opened(sources, server, access, RunbookStep::new("start_services", engineer(), what));
    for service in &server.services_stop {
        let unit = shell_quoted(service);
        step = step.shell(on_source(access, &format!("systemctl start -- {unit} || service {unit} start")));
    }
    Some(step.expects("I servizi sono attivi.", "The services are active."))
}

/// One disk.
struct OnDisk<'a> {
    sources: &'a Sources<'a>,
    server: &'a Server,
    disk: &'a Disk,
    source: &'a Path,
    access: &'a Access,
}

impl OnDisk<'_> {
    fn file(&self, ending: &str) -> String {
        quoted(&folder(self.sources, self.server).join(format!("{}.{ending}", self.disk.id)))
    }

    /// The digests of all blocks of `path`, a line each; `$n` blocks.
    fn blocks(path: &str, count: &str) -> String {
        format!(
            "i=0; while [ $i -lt {count} ]; do dd if={path} bs={BLOCK} skip=$i count=1 2>/dev/null | sha256sum; i=$((i+1)); done"
        )
    }

    /// How long the whole disk takes at the guaranteed rate of its link, where both are known.
    fn at_most(&self) -> (String, String) {
        let rate = self.sources.tenant.site_of(self.server).map(|site| f64::from(site.link.mcr_kbps()) / 1000.0);
        let Some((bytes, mbps)) = self.disk.size.zip(rate) else { return (String::new(), String::new()) };
        let hours = line_seconds(bytes, mbps).div_ceil(3600);
        (format!(", {hours} h alla banda garantita"), format!(", {hours} h at the guaranteed rate"))
    }

    fn copy(&self) -> RunbookStep {
        let disk = &self.disk.id;
        let (at_most, at_most_en) = self.at_most();
        let what = say(
            format!(
                "Disco {disk}: clonare la replica (che non si tocca), confrontare i blocchi, copiare quelli diversi. Passa anche lo spazio libero che contiene dati vecchi: al più la dimensione del disco{at_most}."
            ),
            format!(
                "Disk {disk}: clone the replica (which is not touched), compare the blocks, copy those that differ. Free space with old data is sent, too: at most the size of the disk{at_most_en}."
            ),
        );
        let source = quoted(self.source);
        let (replica, clone) = (quoted(&replica(self.sources, self.server, self.disk)), self.file("img"));
        let (list, ours, differs) = (self.file("source"), self.file("clone"), self.file("differs"));
        let size = format!("blockdev --getsize64 {source} 2>/dev/null || stat -L -c %s -- {source}");
        let each = format!("while read -r i; do dd if={source} bs={BLOCK} skip=$i count=1 2>/dev/null; done | gzip -1");
        // The loop of the source has its count from the shell here.
        let remote = format!("n=$(cat); {}", Self::blocks(&source, "$n"));
        RunbookStep::new("copy", engineer(), what)
            .shell(format!("size=$({}); n=$(( (size + {}) / {BLOCK} ))", on_source(self.access, &size), BLOCK - 1))
            .shell(format!("if [ -e {replica} ] && ! [ -e {clone} ]; then cp --reflink=auto --sparse=always -- {replica} {clone}; fi"))
            .shell(format!("truncate -s \"$size\" -- {clone}"))
            .shell(format!("echo \"$n\" | {} > {list}", on_source(self.access, &remote)))
            .shell(format!("{{ {}; }} > {ours}", Self::blocks(&clone, "\"$n\"")))
            .shell(format!("paste -d ' ' {list} {ours} | awk '$1 != $3 {{ print NR - 1 }}' > {differs}"))
            .shell(format!("wc -l < {differs}"))
            .shell(format!(
                "{} < {differs} | gunzip | while read -r i <&3; do dd of={clone} bs={BLOCK} seek=\"$i\" count=1 iflag=fullblock conv=notrunc 2>/dev/null; done 3< {differs}",
                on_source(self.access, &each)
            ))
            .shell(format!("sync -- {clone}"))
            .expects(
                format!("Il numero di blocchi diversi, di {} MiB ciascuno; poi nessun errore.", BLOCK >> 20),
                format!("The number of blocks that differ, of {} MiB each; then no error.", BLOCK >> 20),
            )
            .undone_by(Place::Operations, format!("rm -f -- {clone}"))
    }

    fn prove(&self) -> RunbookStep {
        let (source, clone, sums) = (quoted(self.source), self.file("img"), self.file("sha256"));
        let equal = self.sources.word("UGUALI", "EQUAL");
        let differ = self.sources.word("DIVERSI", "DIFFERENT");
        let what = say(
            format!("Disco {}: prova di uguaglianza. Annotare l'impronta qui accanto.", self.disk.id),
            format!("Disk {}: proof of equality. Note the digest beside.", self.disk.id),
        );
        let digest = on_source(self.access, &format!("sha256sum < {source}"));
        RunbookStep::new("prove", engineer(), what)
            .shell(format!("{{ {digest}; sha256sum < {clone}; }} | tee {sums}"))
            .shell(format!(
                "[ \"$(wc -l < {sums})\" -eq 2 ] && [ \"$(sort -u {sums} | wc -l)\" -eq 1 ] && echo {equal} || echo {differ}"
            ))
            .expects(
                "Due impronte uguali, e UGUALI. Con DIVERSI, o una sola impronta, ripetere il passo precedente; il server non si spegne.",
                "Two equal digests, and EQUAL. With DIFFERENT, or one digest only, repeat the step before; the server is not switched off.",
            )
    }
}
