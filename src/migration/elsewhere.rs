//! Servers that VMware Converter copies: where their machine lands, from the inventory alone.

use crate::landing::{Identity, Lan};
use crate::model::converter::{ConverterAccess, ConverterTarget};
use crate::model::server::{Addressing, Server};
use crate::model::tenant::Tenant;
use crate::model::vsphere::{PortGroupNames, VsphereLanding};

/// The version of the virtual hardware: what vSphere 6.5 and everything after it runs.
const HARDWARE: &str = "vmx-13";

/// Where Converter makes the machine of a server: in the tenant's folder and pool, under the name by which
/// its copy is known.
pub(super) fn target(
    vsphere: &VsphereLanding,
    converter: &ConverterAccess,
    tenant: &Tenant,
    server: &Server,
) -> ConverterTarget {
    let lan = match server.landing {
        Addressing::Renumber(_) => Lan::New,
        Addressing::Keep | Addressing::RoutesOnly => Lan::Kept,
    };
    let network = match lan {
        Lan::Kept => &vsphere.port_groups.kept,
        Lan::New => &vsphere.port_groups.new,
    };
    let (cluster, _) = vsphere.pool.rsplit_once('/').unwrap_or((&vsphere.pool, ""));
    ConverterTarget {
        vcenter: vsphere.access.host.clone(),
        port: vsphere.access.port,
        user: vsphere.access.user.clone(),
        password: vsphere.access.password.clone(),
        thumbprint: converter.vcenter_thumbprint.clone(),
        cluster: cluster.to_owned(),
        pool: tenant.id.to_string(),
        folder: tenant.id.to_string(),
        datastore: vsphere.datastore.clone(),
        networks: vec![network.replace(PortGroupNames::TENANT, tenant.id.as_str())],
        hardware: HARDWARE.to_owned(),
        name: Identity::production_name(&server.id),
    }
}
