//! How a router stands, read from what it shows: HSRP groups, tracked objects, IP SLA probes. Pure.

/// The commands whose answers are read here.
pub const COMMANDS: [&str; 3] = ["show standby brief", "show track brief", "show ip sla statistics"];

/// How a router stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// HSRP groups: interface as the router shortens it, number, state.
    pub groups: Vec<(String, u16, String)>,
    /// Tracked objects: number, whether it is up.
    pub tracks: Vec<(u16, bool)>,
    /// IP SLA probes: number, whether its last question was answered.
    pub probes: Vec<(u32, bool)>,
}

impl Standing {
    /// Reads the answers to [`COMMANDS`].
    pub fn read(standby: &str, track: &str, sla: &str) -> Self {
        Self {
            groups: standby.lines().filter_map(group).collect(),
            tracks: track.lines().filter_map(tracked).collect(),
            probes: probes(sla),
        }
    }

    /// The HSRP groups in `state`, each as `Gi0/0/1 10`.
    pub fn in_state(&self, state: &str) -> Vec<String> {
        let there = self.groups.iter().filter(|(.., found)| found.eq_ignore_ascii_case(state));
        there.map(|(interface, number, _)| format!("{interface} {number}")).collect()
    }

    /// The HSRP groups that are neither active nor standby, each with its state.
    pub fn unsettled(&self) -> Vec<String> {
        let settled = |state: &str| ["active", "standby"].iter().any(|known| state.eq_ignore_ascii_case(known));
        let others = self.groups.iter().filter(|(.., state)| !settled(state));
        others.map(|(interface, number, state)| format!("{interface} {number} {state}")).collect()
    }

    /// The tracked objects that are up, or those that are not.
    pub fn tracks(&self, up: bool) -> Vec<String> {
        self.tracks.iter().filter(|(_, found)| *found == up).map(|(number, _)| number.to_string()).collect()
    }

    /// The IP SLA probes that are answered, or those that are not.
    pub fn probes(&self, answered: bool) -> Vec<String> {
        self.probes.iter().filter(|(_, found)| *found == answered).map(|(number, _)| number.to_string()).collect()
    }
}

/// `Gi0/0/1     10   110 P Active  local  10.1.1.3  10.1.1.1`: `P` stands only where it preempts.
fn group(line: &str) -> Option<(String, u16, String)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [interface, number, priority, rest @ ..] = words.as_slice() else { return None };
    let number = number.parse().ok()?;
    priority.parse::<u16>().ok()?;
    let state = rest.iter().find(|word| **word != "P")?;
    Some(((*interface).to_owned(), number, (*state).to_owned()))
}

/// `10    ip sla      10      reachability   Up    00:10:00`.
fn tracked(line: &str) -> Option<(u16, bool)> {
    let mut words = line.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let state = words.skip(1).find(|word| ["up", "down"].contains(&word.to_ascii_lowercase().as_str()))?;
    Some((number, state.eq_ignore_ascii_case("up")))
}

/// `IPSLA operation id: 10` (before 15.x `… for Index 10`), then `Latest operation return code: OK`.
fn probes(text: &str) -> Vec<(u32, bool)> {
    let mut probes: Vec<(u32, bool)> = Vec::new();
    for line in text.lines() {
        let begins = line.split_once("operation id:").or_else(|| line.split_once("Index"));
        if let Some(number) = begins.and_then(|(_, rest)| rest.trim().split(' ').next()?.parse().ok()) {
            // Until it says that it was answered, it was not.
            probes.push((number, false));
        } else if let (Some((_, code)), Some(last)) = (line.split_once("return code:"), probes.last_mut()) {
            last.1 = code.trim() == "OK";
        }
    }
    probes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STANDBY: &str = "                     P indicates configured to preempt.\n                     |\n\
        Interface   Grp  Pri P State   Active          Standby         Virtual IP\n\
        Gi0/0/1     10   110 P Active  local           10.1.1.3        10.1.1.1\n\
        Vl20        20   100   Init    unknown         unknown         10.2.2.1\n";
    const TRACK: &str = "Track Type        Instance                   Parameter        State Last Change\n\
        10    ip sla      10                         reachability     Up    00:10:00\n\
        20    interface   GigabitEthernet0/0/0       line-protocol    Down  1d02h\n";

    #[test]
    fn answers_are_read() {
        let sla = "IPSLAs Latest Operation Statistics\n\nIPSLA operation id: 10\n        Latest RTT: 8 milliseconds\n\
                   Latest operation return code: OK\n\nRound Trip Time (RTT) for       Index 11\n\
                   Latest operation return code: Timeout\nIPSLA operation id: 12\n";
        let standing = Standing::read(STANDBY, TRACK, sla);
        assert_eq!(standing.in_state("Active"), ["Gi0/0/1 10"]);
        assert_eq!(standing.unsettled(), ["Vl20 20 Init"]);
        assert_eq!((standing.tracks(true), standing.tracks(false)), (vec!["10".to_owned()], vec!["20".to_owned()]));
        assert_eq!(standing.probes(true), ["10"]);
        assert_eq!(standing.probes(false), ["11", "12"], "one that says nothing is not answered");
    }

    proptest! {
        #[test]
        fn no_text_panics(standby in ".*", track in ".*", sla in "(?s).*") {
            let _ = Standing::read(&standby, &track, &sla);
        }
    }
}
