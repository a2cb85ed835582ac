//! How govc reaches the landing's vCenter, and by which paths; and how a machine of another night is kept from being
//! taken for this night's. The password is typed, never printed.

use super::{RunbookStep, Sources};
use crate::model::TenantId;
use crate::model::machine::Controller;
use crate::model::server::{Addressing, Disk, Server};
use crate::model::vsphere::{PortGroupNames, Trust, VsphereLanding};
use crate::untrusted::shell_quoted;

/// The date as `date` prints it behind a name: to the second, since no two makings may have one name.
const DATE: &str = "%Y%m%d-%H%M%S";

/// What govc's other commands need: given again wherever a shell may be a new one.
pub(super) fn session(step: RunbookStep, sources: &Sources<'_>, setting: &VsphereLanding) -> RunbookStep {
    let tenant = &sources.tenant.id;
    let step = step.shell(format!("cd -- {}", shell_quoted(&sources.root.display().to_string())));
    let at = format!("{}:{}", setting.access.host, setting.access.port);
    let pool = format!("/{}/host/{}/{tenant}", setting.datacenter, setting.pool);
    let step = step.shell(format!(
        "export GOVC_URL={} GOVC_USERNAME={} GOVC_DATACENTER={} GOVC_RESOURCE_POOL={}",
        shell_quoted(&at),
        shell_quoted(&setting.access.user),
        shell_quoted(&setting.datacenter),
        shell_quoted(&pool)
    ));
    let step = match &setting.access.trust {
        Trust::Ca(file) => {
            step.shell(format!("export GOVC_TLS_CA_CERTS={}", shell_quoted(&file.display().to_string())))
        }
        Trust::Thumbprint(thumbprint) => pinned(step, sources.stop(), &at, thumbprint),
    };
    step.shell("stty -echo; read -r GOVC_PASSWORD; stty echo; export GOVC_PASSWORD")
}

/// The certificate is compared by its SHA-256; govc's file has the SHA-1 of that same certificate, which all of its
/// versions know.
fn pinned(step: RunbookStep, stop: &str, at: &str, thumbprint: &str) -> RunbookStep {
    let wanted = thumbprint.replace(':', "").to_ascii_uppercase();
    let at = shell_quoted(at);
    step.shell("mkdir -p -- night; export GOVC_TLS_KNOWN_HOSTS=night/vcenter.known")
        .shell(format!("cert=$(openssl s_client -connect {at} </dev/null 2>/dev/null | openssl x509)"))
        .shell("digest() { printf '%s\\n' \"$cert\" | openssl x509 -noout -fingerprint \"$1\" | sed 's/.*=//'; }")
        .shell(format!(
            "if [ \"$(digest -sha256 | tr -d :)\" = {} ]; then printf '%s %s\\n' {at} \"$(digest -sha1)\" > \"$GOVC_TLS_KNOWN_HOSTS\"; else echo {stop}; fi",
            shell_quoted(&wanted)
        ))
        .expects(
            "Nessun FERMARSI: il certificato di vCenter è quello dell'inventario.",
            "No STOP: the certificate of the vCenter is the inventory's.",
        )
}

/// Sets `night`, the date of what is made now, only where the tenant's folder was read and has no machine of the name.
/// What was read has the folder itself on a line: some versions of govc print nothing, and do not fail, where they could
/// not ask.
pub(super) fn free(sources: &Sources<'_>, server: &Server, folder: &str, vm: &str) -> String {
    let (id, stop) = (&server.id, sources.stop());
    let taken = sources.word(
        "è già in vCenter, di una notte precedente: metterla da parte",
        "is in the vCenter already, of an earlier night: set it aside",
    );
    let silent = sources
        .word("vCenter non ha risposto, o manca la cartella", "the vCenter did not answer, or the folder is missing");
    let (taken, silent) = (shell_quoted(&format!("{stop}: {id} {taken}")), shell_quoted(&format!("{stop}: {silent}")));
    let has = |path: &str| format!("printf '%s\\n' \"$seen\" | grep -qxF -- {path}");
    format!(
        "night=; if seen=$(govc find {folder} -maxdepth 1) && {}; then if {}; then echo {taken}; else night=$(date +{DATE}); echo \"$night\"; fi; else echo {silent}; fi",
        has(folder),
        has(vm)
    )
}

/// Switches a machine off and renames it by the date. It keeps its disks, which have the date of their own night:
/// nothing is deleted, and no later night has to do with it.
pub(super) fn aside(sources: &Sources<'_>, server: &Server, vm: &str) -> String {
    let name = shell_quoted(&format!("{}-", server.id));
    format!(
        "govc vm.power -off -force {vm} && govc object.rename {vm} {name}\"$(date +{DATE})\" || echo {}",
        sources.stop()
    )
}

/// The tenant's folder.
pub(super) fn folder(setting: &VsphereLanding, tenant: &TenantId) -> String {
    let above = setting.folder.as_ref().map(|folder| format!("/{folder}")).unwrap_or_default();
    format!("/{}/vm{above}/{tenant}", setting.datacenter)
}

/// A controller in the words of govc.
pub(super) fn controller(controller: Controller) -> &'static str {
    match controller {
        Controller::LsiSas1068 => "lsilogic-sas",
        other => other.word(),
    }
}

/// The folder of a disk on the datastore, as a word of the shell: its own, since an import is a machine for a moment, and
/// a machine's folder is not another's; and this night's, since the disk of an earlier one is not to be met again.
pub(super) fn imported(server: &Server, disk: &Disk) -> String {
    format!("{}\"$night\"", shell_quoted(&format!("{}-{}-", server.id, disk.id)))
}

/// The imported disk, as a word of the shell.
pub(super) fn vmdk(server: &Server, disk: &Disk) -> String {
    format!("{}{}", imported(server, disk), shell_quoted(&format!("/{}.vmdk", disk.id)))
}

/// The first disk of the new machine: itself, not what is linked to it.
pub(super) fn disks(server: &Server) -> String {
    let first = server.disks.first().map(|disk| vmdk(server, disk));
    first.map_or_else(String::new, |path| format!(" -link=false -disk={path}"))
}

/// The tenant's port group, of kept addresses or of new ones.
pub(super) fn port_group(sources: &Sources<'_>, server: &Server, names: &PortGroupNames) -> String {
    let name = if matches!(server.landing, Addressing::Renumber(_)) { &names.new } else { &names.kept };
    name.replace(PortGroupNames::TENANT, sources.tenant.id.as_str())
}
