//! What a router does once a change is in, and whether it does.
//!
//! The command and the shape of its answer are those of the Cisco IOS command references ("show
//! standby", "show track", "show ip route", "ping").

use ipnetwork::Ipv4Network;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv4Addr;

/// Something that a router is expected to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Expect {
    /// It has this part in an HSRP group.
    Standby {
        /// Full name of the interface.
        interface: String,
        /// Number of the group.
        group: u16,
        /// Active; else standby.
        active: bool,
    },
    /// A tracked object is up.
    Track {
        /// Its number.
        number: u16,
    },
    /// A route is in use.
    Route {
        /// Routing table; none is the global one.
        vrf: Option<String>,
        /// Destination.
        destination: Ipv4Network,
        /// Where to, as the router prints it.
        via: String,
    },
    /// A route is not in use.
    NoRoute {
        /// Routing table; none is the global one.
        vrf: Option<String>,
        /// Destination.
        destination: Ipv4Network,
    },
    /// An address answers.
    Answer {
        /// Routing table; none is the global one.
        vrf: Option<String>,
        /// Who answers.
        address: Ipv4Addr,
        /// The interface whose address asks.
        source: Option<String>,
    },
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expect::Standby { interface, group, active } => {
                write!(f, "{interface} is {} in group {group}", if *active { "active" } else { "standby" })
            }
            Expect::Track { number } => write!(f, "track {number} is up"),
            Expect::Route { vrf, destination, via } => write!(f, "{}{destination} goes to {via}", table(vrf)),
            Expect::NoRoute { vrf, destination } => write!(f, "{}{destination} has no route", table(vrf)),
            Expect::Answer { vrf, address, .. } => write!(f, "{}{address} answers", table(vrf)),
        }
    }
}

fn table(vrf: &Option<String>) -> String {
    vrf.as_ref().map(|vrf| format!("vrf {vrf}: ")).unwrap_or_default()
}

impl Expect {
    /// The command that shows it.
    pub fn command(&self) -> String {
        let vrf = |vrf: &Option<String>| vrf.as_ref().map(|vrf| format!(" vrf {vrf}")).unwrap_or_default();
        match self {
            Expect::Standby { .. } => "show standby brief".to_owned(),
            Expect::Track { number } => format!("show track {number}"),
            Expect::Route { vrf: table, destination, .. } | Expect::NoRoute { vrf: table, destination } => {
                format!("show ip route{} {} {}", vrf(table), destination.network(), destination.mask())
            }
            Expect::Answer { vrf: table, address, source } => {
                let source = source.as_ref().map(|source| format!(" source {source}")).unwrap_or_default();
                format!("ping{} {address}{source} repeat 3 timeout 1", vrf(table))
            }
        }
    }

    /// Whether `answer` to the command shows it; else what it shows, in a few words.
    ///
    /// # Errors
    /// What is found instead.
    pub fn holds(&self, answer: &str) -> Result<(), String> {
        match self {
            Expect::Standby { interface, group, active } => standby(answer, interface, *group, *active),
            Expect::Track { .. } => track(answer),
            Expect::Route { destination, via, .. } => route(answer, *destination, via),
            Expect::NoRoute { destination, .. } => {
                if entry(answer, *destination).is_none() {
                    Ok(())
                } else {
                    Err("it has one".to_owned())
                }
            }
            Expect::Answer { .. } => pinged(answer),
        }
    }
}

/// `Gi0/0/1  10  110 P Active  local  …`: the name is short, the state a word.
fn standby(answer: &str, interface: &str, group: u16, active: bool) -> Result<(), String> {
    let words = answer.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut rows =
        words.filter(|words| words.len() > 3 && is_short_for(words[0], interface) && words[1].parse() == Ok(group));
    let row = rows.next().ok_or("the group is not there")?;
    let state = row.iter().skip(3).find(|word| word.chars().next().is_some_and(char::is_alphabetic) && **word != "P");
    match (state.copied(), active) {
        (Some("Active"), true) | (Some("Standby"), false) => Ok(()),
        (state, _) => Err(format!("it is {}", state.unwrap_or("in no state").to_lowercase())),
    }
}

/// Whether `short` is a router's short form of the interface `full`: `Gi0/0/1` of `GigabitEthernet0/0/1`.
fn is_short_for(short: &str, full: &str) -> bool {
    let split = |name: &str| {
        let at = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
        (name[..at].to_ascii_lowercase(), name[at..].to_owned())
    };
    let ((short, short_number), (full, full_number)) = (split(short), split(full));
    short.len() >= 2 && full.starts_with(&short) && short_number == full_number
}

/// `Reachability is Up`, `Line protocol is Up`, `Boolean AND is Up`; `is Up, delayed Down` is still up.
fn track(answer: &str) -> Result<(), String> {
    let states = answer.lines().filter_map(|line| line.split_once(" is "));
    let mut states = states.filter_map(|(_, state)| state.split([' ', ',']).next());
    match states.find(|state| ["up", "down"].contains(&state.to_ascii_lowercase().as_str())) {
        Some(state) if state.eq_ignore_ascii_case("up") => Ok(()),
        Some(_) => Err("it is down".to_owned()),
        None => Err("it is not there".to_owned()),
    }
}

/// The lines of an entry for exactly this destination; a longer or shorter match is another one.
fn entry(answer: &str, destination: Ipv4Network) -> Option<&str> {
    let heading = format!("Routing entry for {}/{}", destination.network(), destination.prefix());
    let heading = if destination.prefix() == 0 { "Routing entry for 0.0.0.0/0".to_owned() } else { heading };
    let exactly = |line: &str| line.trim_start().starts_with(&heading);
    answer.lines().any(exactly).then_some(answer)
}

fn route(answer: &str, destination: Ipv4Network, via: &str) -> Result<(), String> {
    let entry = entry(answer, destination).ok_or("there is none")?;
    let blocks: Vec<&str> = entry
        .lines()
        .skip_while(|line| !line.contains("Routing Descriptor Blocks"))
        .skip(1)
        .map(|line| line.trim_start().trim_start_matches("* "))
        .filter(|line| !line.starts_with("Route metric") && !line.is_empty())
        .collect();
    let leads = |block: &&str| {
        let hop = block.split([',', ' ']).next().unwrap_or_default();
        hop == via || block.ends_with(&format!("via {via}"))
    };
    // A neighbour on an interface is shown as `10.0.0.1, via GigabitEthernet0/0/0`.
    let both =
        |block: &&str| via.split_once(' ').is_some_and(|(port, hop)| block.starts_with(&format!("{hop}, via {port}")));
    match blocks.iter().find(|block| leads(block) || both(block)) {
        Some(_) => Ok(()),
        None => Err(format!("it goes to {}", blocks.first().unwrap_or(&"nowhere"))),
    }
}

/// The least share of answers, in percent: one of three may be lost (the first, for want of ARP).
const ANSWERS: u8 = 66;

/// `Success rate is 100 percent (3/3)`.
fn pinged(answer: &str) -> Result<(), String> {
    let rate =
        answer.split_once("Success rate is ").and_then(|(_, rest)| rest.split_whitespace().next()?.parse::<u8>().ok());
    match rate {
        Some(rate) if rate >= ANSWERS => Ok(()),
        Some(rate) if rate > 0 => Err(format!("it answers only {rate} of 100 times")),
        Some(_) => Err("it does not answer".to_owned()),
        None => Err("the router did not ask it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRIEF: &str = "                     P indicates configured to preempt.\n                     |\nInterface   Grp  Pri P State   Active          Standby         Virtual IP\nGi0/0/1     10   110 P Active  local           192.168.1.253   192.168.1.254\nGi0/0/2     11   100   Init    unknown         unknown         10.0.0.1\n";

    #[test]
    fn states_of_hsrp_are_read() {
        let expect = |interface: &str, group, active| Expect::Standby { interface: interface.into(), group, active };
        assert_eq!(expect("GigabitEthernet0/0/1", 10, true).holds(BRIEF), Ok(()));
        assert_eq!(expect("GigabitEthernet0/0/1", 10, false).holds(BRIEF), Err("it is active".into()));
        assert_eq!(expect("GigabitEthernet0/0/2", 11, false).holds(BRIEF), Err("it is init".into()));
        assert!(expect("GigabitEthernet0/0/1", 11, true).holds(BRIEF).is_err());
        assert!(expect("GigabitEthernet0/0/11", 10, true).holds(BRIEF).is_err());
    }

    #[test]
    fn tracked_objects_are_read() {
        let expect = Expect::Track { number: 100 };
        assert_eq!(expect.holds("Track 100\n  List boolean and\n  Boolean AND is Up\n    2 changes\n"), Ok(()));
        assert!(
            expect.holds("Track 10\n  IP SLA 10 reachability\n  Reachability is Up, delayed Down (3 secs)\n").is_ok()
        );
        assert_eq!(expect.holds("Track 20\n  Line protocol is Down\n"), Err("it is down".into()));
        assert_eq!(expect.holds("% Invalid\n"), Err("it is not there".into()));
    }

    #[test]
    fn routes_are_those_of_exactly_this_destination() {
        let answer = "Routing entry for 10.64.4.0/24\n  Known via \"static\", distance 1, metric 0\n  Routing Descriptor Blocks:\n  * 10.128.4.1\n      Route metric is 0, traffic share count is 1\n";
        let expect = |destination: &str, via: &str| Expect::Route {
            vrf: None,
            destination: destination.parse().unwrap(),
            via: via.into(),
        };
        assert_eq!(expect("10.64.4.0/24", "10.128.4.1").holds(answer), Ok(()));
        assert_eq!(expect("10.64.4.0/24", "10.128.4.2").holds(answer), Err("it goes to 10.128.4.1".into()));
        assert!(expect("10.64.4.10/32", "10.128.4.1").holds(answer).is_err());
        let tunnel =
            "Routing entry for 10.64.4.0/24\n  Routing Descriptor Blocks:\n  * directly connected, via Tunnel17\n";
        assert_eq!(expect("10.64.4.0/24", "Tunnel17").holds(tunnel), Ok(()));
        let gone = Expect::NoRoute { vrf: Some("X".into()), destination: "10.64.4.10/32".parse().unwrap() };
        assert_eq!(gone.command(), "show ip route vrf X 10.64.4.10 255.255.255.255");
        assert!(gone.holds("% Subnet not in table\n").is_ok() && gone.holds(answer).is_ok());
    }

    #[test]
    fn an_address_answers_or_not() {
        let expect =
            Expect::Answer { vrf: None, address: "10.0.0.1".parse().unwrap(), source: Some("Loopback0".into()) };
        assert_eq!(expect.command(), "ping 10.0.0.1 source Loopback0 repeat 3 timeout 1");
        assert_eq!(expect.holds("!!!\nSuccess rate is 66 percent (2/3)\n"), Ok(()));
        assert_eq!(
            expect.holds("..!\nSuccess rate is 33 percent (1/3)\n"),
            Err("it answers only 33 of 100 times".into()),
            "two of three lost"
        );
        assert!(expect.holds("...\nSuccess rate is 0 percent (0/3)\n").is_err() && expect.holds("").is_err());
    }
}
