//! Static IPv4 settings of the source's adapters, as TCP/IP keeps them in the hive.
//!
//! The names of values are those of Microsoft's article 314053 (TCP/IP parameters of an interface).

use super::registry::Hive;
use super::wish::Guid;
use std::net::Ipv4Addr;

/// The class of network adapters, in `Control\Network` and `Control\Class`.
const CLASS: &str = "{4D36E972-E325-11CE-BFC1-08002BE10318}";

/// The values that make an interface static, which are kept and then go.
pub(super) const STATIC: [&str; 5] =
    ["IPAddress", "SubnetMask", "DefaultGateway", "DefaultGatewayMetric", "NameServer"];

/// A network adapter of the source with static settings.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Adapter {
    /// Its identifier.
    pub guid: Guid,
    /// The name of its connection, such as `Local Area Connection`.
    pub connection: Option<String>,
    /// What bus it hangs on and how, such as `PCI\VEN_14E4&DEV_1639…`.
    pub device: Option<String>,
    /// The settings.
    pub settings: Settings,
}

/// What an adapter has that is static.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Settings {
    /// Addresses with their masks.
    pub addresses: Vec<(Ipv4Addr, Ipv4Addr)>,
    /// Gateways with their metrics; 0 is automatic.
    pub gateways: Vec<(Ipv4Addr, u32)>,
    /// Servers of names.
    pub dns: Vec<Ipv4Addr>,
    /// Servers of NetBIOS names.
    pub wins: Vec<Ipv4Addr>,
    /// NetBIOS over TCP/IP where it is said: 1 on, 2 off.
    pub netbios: Option<u32>,
}

/// Why settings cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) value: &'static str,
    pub(super) text: String,
}

/// Where TCP/IP keeps an interface; the second is the copy that older programs read.
pub(super) fn interface_keys(set: &str, guid: &Guid) -> [String; 2] {
    let services = format!("{set}\\Services");
    [format!("{services}\\Tcpip\\Parameters\\Interfaces\\{guid}"), format!("{services}\\{guid}\\Parameters\\Tcpip")]
}

fn netbt_key(set: &str, guid: &Guid) -> String {
    format!("{set}\\Services\\NetBT\\Parameters\\Interfaces\\Tcpip_{guid}")
}

/// Whether an interface is static: DHCP off, and an address that means one.
pub(super) fn is_static(hive: &Hive, key: &str) -> bool {
    let addresses = hive.texts(key, "IPAddress");
    hive.number(key, "EnableDHCP").unwrap_or(0) == 0 && addresses.iter().any(|text| text != "0.0.0.0")
}

/// The identifiers of the interfaces that TCP/IP knows in a control set.
pub(super) fn interfaces(hive: &Hive, set: &str) -> Vec<Guid> {
    let children = hive.children(&format!("{set}\\Services\\Tcpip\\Parameters\\Interfaces"));
    children.into_iter().filter_map(|name| name.parse().ok()).collect()
}

/// The adapter of an interface: its connection and its device.
pub(super) fn connection(hive: &Hive, set: &str, guid: &Guid) -> (Option<String>, Option<String>) {
    let key = format!("{set}\\Control\\Network\\{CLASS}\\{guid}\\Connection");
    let first = |name| hive.texts(&key, name).into_iter().next();
    (first("Name"), first("PnpInstanceID"))
}

/// Whether the adapter will be gone: it hung on a bus of the machine, not on software alone.
///
/// An adapter that nothing describes any more is a ghost of a machine before this one.
pub(super) fn will_be_gone(device: Option<&str>) -> bool {
    let bus = device.and_then(|device| device.split('\\').next()).map(str::to_ascii_uppercase);
    !matches!(bus.as_deref(), Some("ROOT" | "SW" | "SWD" | "HTREE"))
}

/// The settings below `key`; WINS and NetBIOS from where NetBT of `set` keeps them.
pub(super) fn settings(hive: &Hive, key: &str, set: &str, guid: &Guid) -> Result<Settings, Unreadable> {
    let addresses = list(hive, key, "IPAddress")?;
    let masks = list(hive, key, "SubnetMask")?;
    if addresses.len() != masks.len() {
        return Err(Unreadable {
            value: "SubnetMask",
            text: format!("{} masks of {} addresses", masks.len(), addresses.len()),
        });
    }
    for (address, mask) in addresses.iter().zip(&masks) {
        let bits = mask.to_bits();
        if address.is_unspecified() || bits == 0 || bits.leading_ones() + bits.trailing_zeros() != 32 {
            return Err(Unreadable { value: "SubnetMask", text: format!("{address} with {mask}") });
        }
    }
    let metrics = hive.texts(key, "DefaultGatewayMetric");
    let metric = |at: usize| metrics.get(at).and_then(|text| text.parse().ok()).unwrap_or(0);
    let gateways =
        list(hive, key, "DefaultGateway")?.into_iter().enumerate().map(|(at, gateway)| (gateway, metric(at)));
    let netbt = netbt_key(set, guid);
    Ok(Settings {
        addresses: addresses.into_iter().zip(masks).collect(),
        gateways: gateways.collect(),
        dns: list(hive, key, "NameServer")?,
        wins: list(hive, &netbt, "NameServerList")?,
        netbios: hive.number(&netbt, "NetbiosOptions").filter(|option| (1..=2).contains(option)),
    })
}

/// Addresses: a list of texts, or one text with commas or spaces between.
fn list(hive: &Hive, key: &str, value: &'static str) -> Result<Vec<Ipv4Addr>, Unreadable> {
    let texts = hive.texts(key, value);
    let parts = texts.iter().flat_map(|text| text.split([',', ' '])).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().map_err(|_| Unreadable { value, text: part.to_owned() })).collect()
}
