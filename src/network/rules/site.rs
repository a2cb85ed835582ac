//! Which routers stand at one site, and which routing table of the hub is theirs: read from the text.

use super::super::device::interface::{Group, Interface};
use super::table::{Router, Table};
use ipnetwork::Ipv4Network;
use std::collections::{BTreeMap, HashMap};

/// The routers that answer for one virtual address.
#[derive(Debug)]
pub(super) struct Site<'a> {
    /// They, the one with the highest priority first.
    pub members: Vec<Member<'a>>,
    /// Their network.
    pub lan: Ipv4Network,
    /// The hub's routing table for them, with its router.
    pub hub: Option<(&'a Router<'a>, &'a Table<'a>)>,
}

/// A router of a site: its interface in the LAN and its group there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    pub router: &'a Router<'a>,
    pub lan: &'a Interface,
    pub group: &'a Group,
}

impl<'a> Member<'a> {
    fn network(&self) -> Option<Ipv4Network> {
        self.lan.network()
    }

    /// What tells it from every other one: file and line.
    fn key(&self) -> (&'a str, u32) {
        (self.router.file, self.group.number.line)
    }

    /// Whether its router has no other group.
    fn is_only(&self) -> bool {
        self.router.device.interfaces.iter().map(|interface| interface.standby.groups.len()).sum::<usize>() == 1
    }

    /// The routing table of the LAN.
    pub(super) fn table(&self) -> Option<&'a Table<'a>> {
        let vrf = self.lan.vrf.as_ref().map(|at| at.value.as_str());
        let router: &'a Router<'a> = self.router;
        router.table(vrf)
    }
}

impl<'a> Site<'a> {
    /// Both, where there are two.
    pub(super) fn pair(&self) -> Option<(Member<'a>, Member<'a>)> {
        match self.members.as_slice() {
            [first, second] => Some((*first, *second)),
            _ => None,
        }
    }

    /// Each router with the other, both ways round.
    pub(super) fn both_ways(&self) -> Vec<(Member<'a>, Member<'a>)> {
        self.pair().map_or_else(Vec::new, |(one, other)| vec![(one, other), (other, one)])
    }
}

/// The sites of these routers.
pub(super) fn sites<'a>(routers: &'a [Router<'a>]) -> Vec<Site<'a>> {
    let members: Vec<Member<'a>> = routers.iter().flat_map(members).collect();
    let hubs = Hubs::new(routers);
    let mut sites: Vec<Site<'a>> =
        grouped(members, &hubs).into_iter().filter_map(|members| site(members, &hubs)).collect();
    sites.sort_by(|a, b| a.members[0].router.file.cmp(b.members[0].router.file));
    sites
}

fn members<'a>(router: &'a Router<'a>) -> Vec<Member<'a>> {
    let interfaces = router.device.interfaces.iter();
    interfaces
        .flat_map(|lan| lan.standby.groups.iter().map(move |group| Member { router, lan, group }))
        .filter(|member| member.network().is_some())
        .collect()
}

fn site<'a>(mut members: Vec<Member<'a>>, hubs: &Hubs<'a>) -> Option<Site<'a>> {
    members.sort_by_key(|member| (std::cmp::Reverse(member.group.priority()), member.router.file));
    let lan = members.first()?.network()?;
    let lan = Ipv4Network::new(lan.network(), lan.prefix()).ok()?;
    let hub = hubs.of(&members);
    Some(Site { members, lan, hub })
}

/// Routers belong together that the inventory knows as one site's; else those in one folder, then
/// anywhere, with the same network and group; what is left over, by the same network and virtual
/// address, or the same network alone, where that makes a pair and no more. What the hub tells apart
/// stays apart: many towns took the same network.
fn grouped<'a>(members: Vec<Member<'a>>, hubs: &Hubs<'a>) -> Vec<Vec<Member<'a>>> {
    let (known, mut rest): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|member| member.router.plan.is_some() && member.is_only());
    let tenant = |member: &Member<'_>| member.router.plan.map(|plan| (plan.tenant.clone(), plan.site.clone()));
    let mut groups = bucket(known, tenant);
    let folder = |member: &Member<'_>| member.router.file.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let net = |member: &Member<'_>| member.network().map(|own| (own.network(), own.prefix()));
    let number = |member: &Member<'_>| *member.group.number;
    let vip = |member: &Member<'_>| member.group.vip.map(|at| at.value);
    // The address of the hub's table tells tables apart; the order of sites does not depend on it.
    let place: HashMap<(&str, u32), usize> = rest
        .iter()
        .filter_map(|member| Some((member.key(), std::ptr::from_ref(hubs.of(&[*member])?.1).addr())))
        .collect();
    for step in 0..6 {
        let near = |member: &Member<'_>| (step % 2 == 0).then(|| folder(member));
        let key = |member: &Member<'a>| match step {
            0 | 1 => (near(member), net(member), Some(number(member)), None),
            2 | 3 => (near(member), net(member), None, vip(member)),
            _ => (near(member), None, None, None),
        };
        let mut alone = Vec::new();
        for found in bucket(std::mem::take(&mut rest), key) {
            for found in bucket(found, |member| place.get(&member.key()).copied()) {
                if step < 2 && found.len() > 1 || found.len() == 2 && met(&found[0], &found[1]) {
                    groups.push(found);
                } else {
                    alone.extend(found);
                }
            }
        }
        rest = alone;
    }
    groups.extend(rest.into_iter().map(|member| vec![member]));
    groups
}

/// Whether each could be the other's neighbour, and both are not one router.
fn met(one: &Member<'_>, other: &Member<'_>) -> bool {
    let inside = |a: &Member<'_>, b: &Member<'_>| {
        a.network()
            .zip(b.network())
            .is_some_and(|(network, own)| network.contains(own.ip()) && network.ip() != own.ip())
    };
    one.router.file != other.router.file && (inside(one, other) || inside(other, one))
}

fn bucket<'a, K: Ord>(members: Vec<Member<'a>>, key: impl Fn(&Member<'a>) -> K) -> Vec<Vec<Member<'a>>> {
    let mut buckets: BTreeMap<K, Vec<Member<'a>>> = BTreeMap::new();
    for member in members {
        buckets.entry(key(&member)).or_default().push(member);
    }
    buckets.into_values().collect()
}

/// The hubs' routing tables, by the networks that they route or are connected to.
struct Hubs<'a> {
    known: HashMap<(u32, u8), Vec<(&'a Router<'a>, &'a Table<'a>)>>,
}

impl<'a> Hubs<'a> {
    fn new(routers: &'a [Router<'a>]) -> Self {
        let mut known: HashMap<_, Vec<_>> = HashMap::new();
        let tables = routers
            .iter()
            .filter(|router| router.device.interfaces.iter().all(|interface| interface.standby.groups.is_empty()))
            .flat_map(|router| router.tables.values().map(move |table| (router, table)))
            .filter(|(_, table)| table.vrf.is_some());
        for (router, table) in tables {
            let routed = table.routes.iter().map(|route| route.destination);
            let connected = table.connected().map(|(network, _)| network);
            for network in routed.chain(connected).filter(|network| network.prefix() > 0) {
                let entry: &mut Vec<(&'a Router<'a>, &'a Table<'a>)> =
                    known.entry((u32::from(network.network()), network.prefix())).or_default();
                if entry.last().is_none_or(|(_, last)| !std::ptr::eq(*last, table)) {
                    entry.push((router, table));
                }
            }
        }
        Self { known }
    }

    /// The table that knows most of what the members are connected to beside the LAN, or else, where
    /// only one does, the LAN itself.
    fn of(&self, members: &[Member<'a>]) -> Option<(&'a Router<'a>, &'a Table<'a>)> {
        let mut votes: Vec<(usize, &'a Router<'a>, &'a Table<'a>)> = Vec::new();
        let mut vote = |network: Ipv4Network, weight: usize| {
            for (router, table) in
                self.known.get(&(u32::from(network.network()), network.prefix())).into_iter().flatten()
            {
                match votes.iter_mut().find(|(_, _, known)| std::ptr::eq(*known, *table)) {
                    Some((count, ..)) => *count += weight,
                    None => votes.push((weight, router, table)),
                }
            }
        };
        for member in members {
            let table = member.table()?;
            for (network, interface) in table.connected() {
                if !std::ptr::eq(interface, member.lan) {
                    vote(network, 100);
                }
            }
            for part in super::super::plan::halves(member.network()?).into_iter().chain(member.network()) {
                vote(part, 1);
            }
        }
        votes.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
        match votes.as_slice() {
            [(best, router, table), rest @ ..] if rest.first().is_none_or(|(next, ..)| next < best) => {
                Some((*router, *table))
            }
            _ => None,
        }
    }
}
