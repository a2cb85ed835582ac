//! One order for everything whose order says nothing, so that two devices compare by what they say.

use super::Device;
use super::interface::Interface;
use super::queue::Match;
use super::tracking::Tracked;

impl Device {
    /// Sorts every list whose order means nothing. Entries of access lists and classes of policies
    /// keep their order, in which a router tries them.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        self.vrfs.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        for vrf in &mut self.vrfs {
            vrf.imports.sort_by(|a, b| a.value.cmp(&b.value));
            vrf.exports.sort_by(|a, b| a.value.cmp(&b.value));
        }
        self.key_chains.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        self.probes.sort_by_key(|probe| probe.id.value);
        self.tracks.sort_by_key(|track| track.id.value);
        for track in &mut self.tracks {
            if let Tracked::List { objects, .. } = &mut track.what {
                objects.sort_by_key(|object| object.value);
            }
        }
        self.interfaces.iter_mut().for_each(sort_interface);
        self.interfaces.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        self.routes
            .sort_by_cached_key(|route| (route.vrf.clone(), route.destination, route.distance, route.via.to_string()));
        self.translations.sort_by_key(|translation| (translation.vrf.clone(), translation.local));
        self.access_lists.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        self.class_maps.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        for class in &mut self.class_maps {
            for found in &mut class.matches {
                if let Match::Dscp(marks) = &mut found.value {
                    marks.sort();
                }
            }
            class.matches.sort_by_cached_key(|found| format!("{:?}", found.value));
        }
        self.policy_maps.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        self.modems.sort_by(|a, b| a.port.value.cmp(&b.port.value));
        self.sort_crypto();
        self.terminals.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        self.settings.sort_by(|a, b| a.value.cmp(&b.value));
        self.unread.sort_by(|a, b| a.value.cmp(&b.value));
        self
    }

    fn sort_crypto(&mut self) {
        let crypto = &mut self.crypto;
        crypto.policies.sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
        crypto.keyrings.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        for keyring in &mut crypto.keyrings {
            keyring.peers.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        }
        crypto.profiles.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        for profile in &mut crypto.profiles {
            profile.settings.sort_by(|a, b| a.value.cmp(&b.value));
        }
        crypto.transforms.sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
        crypto.ipsec.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        for modem in &mut self.modems {
            modem.settings.sort_by(|a, b| a.value.cmp(&b.value));
            modem.profiles.sort_by(|a, b| a.value.cmp(&b.value));
        }
    }
}

fn sort_interface(interface: &mut Interface) {
    interface.secondary.sort_by_key(|address| address.value);
    interface.helpers.sort_by_key(|helper| helper.value);
    interface.dialer.sort_by(|a, b| a.value.cmp(&b.value));
    interface.standby.groups.sort_by_key(|group| group.number.value);
    for group in &mut interface.standby.groups {
        group.secondary.sort_by_key(|address| address.value);
        group.tracks.sort_by_key(|track| track.object);
    }
}
