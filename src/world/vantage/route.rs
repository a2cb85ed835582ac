//! By which card a probe machine reaches the copies. Pure.

use crate::untrusted::{printable, shell_quoted};
use std::net::Ipv4Addr;

/// What to do about a machine that reaches somebody else, or nobody.
const NEXT: &str = "give it a card in the test network with an address of that LAN, and no other route there";

/// What the machine is asked: by which address we came in, its addresses, and its route to each copy.
pub(super) fn script(copies: &[Ipv4Addr]) -> String {
    let routes = copies.iter().map(|copy| {
        let copy = shell_quoted(&copy.to_string());
        format!("echo 'route '{copy}\nip -o route get {copy} 2>&1 | sed 1q\n")
    });
    format!(
        "LC_ALL=C PATH=$PATH:/usr/sbin:/sbin\nexport LC_ALL PATH\n\
         set -f\nset -- $SSH_CONNECTION\necho \"came $3\"\nip -o addr | sed 's/^/card /'\n{}",
        routes.collect::<String>()
    )
}

/// Whether what it said shows that it asks the copies: each is a neighbour by another card than the one by
/// which we came in. One that nothing leads to is nobody, which needs no other to be right but one.
pub(super) fn leads_to_copies(said: &str, copies: &[Ipv4Addr]) -> Result<(), String> {
    if copies.is_empty() {
        return Ok(());
    }
    let came = after(said, "came ").next().unwrap_or_default();
    let ours = after(said, "card ").find_map(|card| {
        let mut words = card.split_whitespace().skip(1);
        let device = words.next()?;
        (words.nth(1)?.split('/').next()? == came).then_some(device)
    });
    let Some(ours) = ours.filter(|_| !came.is_empty()) else {
        return Err("it does not say by which card it is reached: install iproute2, and let its account run sh".into());
    };
    let mut led = false;
    for copy in copies {
        let route = route(said, *copy);
        let words: Vec<&str> = route.split_whitespace().collect();
        let value = |name: &str| words.iter().skip_while(|word| **word != name).nth(1).copied();
        let neighbour = words.first() == Some(&copy.to_string().as_str()) && !words.contains(&"via");
        match value("dev") {
            Some(device) if neighbour && device != ours && device != "lo" => led = true,
            None if is_nowhere(route) => {}
            _ => return Err(format!("its way to {copy} is `{}`, not a card of its own: {NEXT}", printable(route))),
        }
    }
    if led { Ok(()) } else { Err(format!("it has no way to {}: {NEXT}", copies[0])) }
}

/// What follows `head` in the lines that begin with it.
fn after<'s>(said: &'s str, head: &'static str) -> impl Iterator<Item = &'s str> {
    said.lines().filter_map(move |line| line.strip_prefix(head)).map(str::trim)
}

/// What was said of the way to `copy`.
fn route(said: &str, copy: Ipv4Addr) -> &str {
    let head = format!("route {copy}");
    let line = said.lines().skip_while(|line| line.trim() != head).nth(1).unwrap_or_default();
    line.split('\\').next().unwrap_or_default().trim()
}

/// Whether the kernel sends nothing there.
fn is_nowhere(route: &str) -> bool {
    route.starts_with("RTNETLINK answers: Network is unreachable")
        || route.starts_with("RTNETLINK answers: No route to host")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARDS: &str = "came 10.9.0.5\ncard 1: lo    inet 127.0.0.1/8 scope host lo\\ valid_lft forever\n\
                         card 2: eth0    inet 10.9.0.5/24 scope global eth0\n\
                         card 3: eth1    inet 192.0.2.2/24 scope global eth1\n";

    fn led(routes: &[(&str, &str)]) -> Result<(), String> {
        let said: String = routes.iter().map(|(to, way)| format!("route {to}\n{way}\n")).collect();
        let copies: Vec<Ipv4Addr> = routes.iter().map(|(to, _)| to.parse().unwrap()).collect();
        leads_to_copies(&format!("{CARDS}{said}"), &copies)
    }

    #[test]
    fn only_a_neighbour_by_another_card_is_a_copy() {
        let near = ("192.0.2.10", "192.0.2.10 dev eth1 src 192.0.2.2 uid 0 \\    cache ");
        let nowhere = ("198.51.100.9", "RTNETLINK answers: Network is unreachable");
        assert_eq!(led(&[near]), Ok(()));
        assert_eq!(led(&[nowhere, near]), Ok(()), "a LAN of which there is no copy");
        assert!(led(&[nowhere]).unwrap_err().contains("no way to 198.51.100.9: give it a card"));
        for way in [
            "192.0.2.10 via 10.9.0.1 dev eth0 src 10.9.0.5 uid 0",
            "192.0.2.10 via 192.0.2.1 dev eth1 src 192.0.2.2 uid 0",
            "192.0.2.10 dev eth0 src 10.9.0.5 uid 0",
            "local 192.0.2.10 dev lo src 192.0.2.10 uid 0",
            "sh: ip: not found",
            "",
        ] {
            let refused = led(&[near, ("192.0.2.11", &way.replace("2.10", "2.11"))]).unwrap_err();
            assert!(refused.starts_with("its way to 192.0.2.11 is `"), "{refused}");
        }
        assert!(leads_to_copies("came \n", &["192.0.2.10".parse().unwrap()]).unwrap_err().contains("iproute2"));
        assert_eq!(leads_to_copies("", &[]), Ok(()));
    }

    #[test]
    fn the_question_holds_addresses_and_nothing_else() {
        let script = script(&["192.0.2.10".parse().unwrap()]);
        assert!(
            script.ends_with("echo 'route ''192.0.2.10'\nip -o route get '192.0.2.10' 2>&1 | sed 1q\n"),
            "{script}"
        );
    }
}
