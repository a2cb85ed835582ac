//! The switches and port groups of the host.

use super::soap::{Told, fault, text, word};
use super::{State, Thing, actions};
use roxmltree::Node;
use std::collections::BTreeMap;

/// What the host says of its network.
pub fn info(state: &State) -> String {
    let escape = traghetto::untrusted::xml;
    let switch = |(name, uplink): &(String, bool)| {
        let card = if *uplink { "<pnic>vmnic0</pnic>" } else { "" };
        format!("<vswitch><name>{}</name>{card}</vswitch>", escape(name))
    };
    let group = |(name, switch, vlan): &(String, String, String)| {
        let (name, switch) = (escape(name), escape(switch));
        format!(
            "<portgroup><spec><name>{name}</name><vlanId>{vlan}</vlanId><vswitchName>{switch}</vswitchName></spec>\
             </portgroup>"
        )
    };
    let switches: String = state.switches.iter().map(switch).collect();
    let groups: String = state.port_groups.iter().map(group).collect();
    format!("<val xsi:type=\"HostNetworkInfo\">{switches}{groups}</val>")
}

pub fn switch(state: &mut State, name: &str) -> Told {
    if state.switches.iter().any(|(found, _)| found == name) {
        return Err(fault("AlreadyExists", &format!("<name>{name}</name>")));
    }
    state.switches.push((name.to_owned(), false));
    Ok(String::new())
}

pub fn port_group(state: &mut State, method: Node<'_, '_>) -> Told {
    let (name, switch, vlan) = (text(method, "name"), text(method, "vswitchName"), text(method, "vlanId"));
    if !state.switches.iter().any(|(found, _)| *found == switch) {
        return Err(fault("NotFound", ""));
    }
    actions::taken(state, "group-n6", &name)?;
    let id = state.fresh("network");
    let (kind, parent) = ("Network".to_owned(), "group-n6".to_owned());
    let values = BTreeMap::from([("name".to_owned(), word(&name))]);
    state.things.insert(id, Thing { kind, name: name.clone(), parent, values });
    state.port_groups.push((name, switch, vlan));
    Ok(String::new())
}
