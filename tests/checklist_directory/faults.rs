//! The faults: what is wrong, how it is made, which item finds it.

use crate::support::samba::Running;
use std::collections::BTreeSet;

/// A fault of a domain controller.
pub struct Fault {
    /// In words.
    pub name: &'static str,
    /// The item of the landing that must find it.
    item: &'static str,
    /// Other items of the landing that it touches, too.
    also: &'static [&'static str],
    /// The items that it touches at the source; none where the source cannot know.
    source: &'static [&'static str],
    /// How it is made.
    pub how: How,
}

/// How a fault is made.
pub enum How {
    /// The controller is started again in this way.
    Runs(Running),
    /// The record of a service is deleted, and added again: zone, service and port.
    Lost(&'static str, &'static str, u16),
    /// By a script on the controller, and taken back by another.
    Done(&'static str, &'static str),
}

impl Fault {
    /// The items of the landing that may not pass because of it.
    pub fn at_the_landing(&self) -> BTreeSet<String> {
        std::iter::once(&self.item).chain(self.also).map(|item| (*item).to_owned()).collect()
    }

    /// Those of the source.
    pub fn at_the_source(&self) -> BTreeSet<String> {
        self.source.iter().map(|item| (*item).to_owned()).collect()
    }
}

type Items = &'static [&'static str];

const HEALTHY: Running = Running { without: None, clock: None, older: false };

const fn without(
    name: &'static str,
    service: &'static str,
    (item, also): (&'static str, Items),
    source: Items,
) -> Fault {
    Fault { name, item, also, source, how: How::Runs(Running { without: Some(service), ..HEALTHY }) }
}

const fn clock(name: &'static str, clock: &'static str, also: Items) -> Fault {
    let how = How::Runs(Running { clock: Some(clock), ..HEALTHY });
    Fault { name, item: "L-AD-12", also, source: &["SRC-AD-12"], how }
}

const fn one(name: &'static str, item: &'static str, source: Items, how: How) -> Fault {
    Fault { name, item, also: &[], source, how }
}

/// Every locator, at the landing and at the source.
const LOCATORS: Items = &["L-AD-09", "L-AD-14", "L-AD-24", "L-AD-25", "L-AD-26", "L-AD-27"];
const NAMES: Items =
    &["SRC-DNS-01", "SRC-DNS-02", "SRC-AD-02", "SRC-AD-03", "SRC-AD-04", "SRC-AD-06", "SRC-AD-07", "SRC-AD-08"];
const KEYS: (&str, Items) = ("L-AD-11", &["L-AD-14", "L-AD-18", "L-AD-24", "L-AD-28"]);

const LOST: &str = "the record of the controllers is lost";
const GONE: &str = "a record leads to a controller that is gone";
const CATALOG: &str = "it is no global catalog";
const AHEAD: &str = "its clock is ten minutes ahead";
const NO_NAMES: &str = "the name service is stopped";
const NO_SHARES: &str = "the shares are stopped";
const OLDER: &str = "its database is an older one";

/// Those that every test run makes.
pub const SHORT: [&str; 7] = [NO_NAMES, LOST, GONE, CATALOG, AHEAD, NO_SHARES, OLDER];

pub const FAULTS: [Fault; 17] = [
    without(NO_NAMES, "dns", ("L-DNS-01", LOCATORS), NAMES),
    one(LOST, "L-AD-09", &["SRC-AD-02"], How::Lost("_msdcs.cinto.lan", "_ldap._tcp.dc", 389)),
    one(
        GONE,
        "L-AD-09",
        &["SRC-AD-02"],
        How::Done(
            "samba-tool dns add dc1 cinto.lan dc2 A 192.0.2.11 -P\n\
             samba-tool dns add dc1 _msdcs.cinto.lan _ldap._tcp.dc SRV 'dc2.cinto.lan 389 0 100' -P",
            "samba-tool dns delete dc1 cinto.lan dc2 A 192.0.2.11 -P\n\
             samba-tool dns delete dc1 _msdcs.cinto.lan _ldap._tcp.dc SRV 'dc2.cinto.lan 389 0 100' -P",
        ),
    ),
    one(
        "the record of the authentication is lost",
        "L-AD-14",
        &["SRC-AD-03"],
        How::Lost("cinto.lan", "_kerberos._tcp", 88),
    ),
    one(
        "the record of the changing of passwords is lost",
        "L-AD-24",
        &["SRC-AD-04"],
        How::Lost("cinto.lan", "_kpasswd._tcp", 464),
    ),
    one(
        "the record of the authentication by UDP is lost",
        "L-AD-25",
        &["SRC-AD-06"],
        How::Lost("cinto.lan", "_kerberos._udp", 88),
    ),
    one(
        "the record of the global catalogs is lost",
        "L-AD-26",
        &["SRC-AD-07"],
        How::Lost("cinto.lan", "_gc._tcp", 3268),
    ),
    one(
        "the record of the primary controller is lost",
        "L-AD-27",
        &["SRC-AD-08"],
        How::Lost("_msdcs.cinto.lan", "_ldap._tcp.pdc", 389),
    ),
    one(
        "the provider's resolver cannot be reached",
        "L-DNS-01",
        &["SRC-DNS-02"],
        How::Done("ip route add blackhole 192.0.2.53", "ip route del blackhole 192.0.2.53"),
    ),
    one(
        CATALOG,
        "L-AD-20",
        &["SRC-AD-20"],
        How::Done("/usr/bin/python3 /run/catalog.py 0", "/usr/bin/python3 /run/catalog.py 1"),
    ),
    clock(AHEAD, "+10m", &["L-AD-28"]),
    clock("its clock is six minutes behind", "-6m", &["L-AD-28"]),
    // Clients still accept it.
    clock("its clock is three seconds ahead", "+3s", &[]),
    without("the key centre is stopped", "kdc", KEYS, &["SRC-AD-03", "SRC-AD-04", "SRC-AD-11", "SRC-AD-18"]),
    without("the RPC service is stopped", "rpc", ("L-AD-21", &[]), &["SRC-AD-21"]),
    without(NO_SHARES, "s3fs", ("L-SMB-01", &["L-SMB-02"]), &["SRC-SMB-01"]),
    one(OLDER, "L-AD-05", &[], How::Runs(Running { older: true, ..HEALTHY })),
];
