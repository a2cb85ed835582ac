//! How govc reaches the landing's vCenter, and by which paths. The password is typed, never printed.

use super::{RunbookStep, Sources};
use crate::model::TenantId;
use crate::model::vsphere::{Trust, VsphereLanding};
use crate::untrusted::shell_quoted;

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

/// The tenant's folder.
pub(super) fn folder(setting: &VsphereLanding, tenant: &TenantId) -> String {
    let above = setting.folder.as_ref().map(|folder| format!("/{folder}")).unwrap_or_default();
    format!("/{}/vm{above}/{tenant}", setting.datacenter)
}
