//! Which router is what.

use super::{ImportError, Router};
use crate::network::device::Device;

/// The routers of one tenant.
pub(super) struct Set {
    /// The CPE that carries the primary line.
    pub(super) primary: Router,
    /// The CPE that carries the backup line.
    pub(super) standby: Option<Router>,
    /// The hub.
    pub(super) hub: Option<Router>,
}

impl Set {
    /// The CPEs, the primary one first.
    pub(super) fn site(&self) -> impl Iterator<Item = &Router> {
        std::iter::once(&self.primary).chain(&self.standby)
    }

    /// The names of all files.
    pub(super) fn files(&self) -> Vec<&str> {
        self.site().chain(&self.hub).map(|router| router.file.as_str()).collect()
    }
}

/// Tells hub, primary and standby CPE apart.
pub(super) fn assign(routers: Vec<Router>) -> Result<Set, ImportError> {
    let files = |routers: &[Router]| routers.iter().map(|router| router.file.as_str()).collect::<Vec<_>>().join(", ");
    let all = files(&routers);
    let (mut hubs, mut site): (Vec<_>, Vec<_>) = routers.into_iter().partition(|router| is_hub(&router.device));
    if hubs.len() > 1 {
        return Err(ImportError::ManyHubs { files: files(&hubs) });
    }
    if site.len() > 2 {
        return Err(ImportError::ManySites { count: site.len(), files: files(&site) });
    }
    // The one that HSRP prefers comes first; of equals the one without a modem.
    site.sort_by_key(|router| std::cmp::Reverse((priority(&router.device), router.device.modems.is_empty())));
    let mut site = site.into_iter();
    let primary = site.next().ok_or(ImportError::NoSite { files: all })?;
    Ok(Set { primary, standby: site.next(), hub: hubs.pop() })
}

/// A hub has VLANs in routing tables of their own.
fn is_hub(device: &Device) -> bool {
    device.interfaces.iter().any(|interface| interface.vlan.is_some() && interface.vrf.is_some())
}

/// The highest HSRP priority; none where there is no HSRP.
fn priority(device: &Device) -> Option<u8> {
    device.interfaces.iter().flat_map(|interface| &interface.standby.groups).map(|group| group.priority()).max()
}
