//! Texts and what they say.

use super::*;

#[test]
fn what_means_nothing_is_kept() {
    let device =
        parse("hostname a\nfoo bar\n baz\ninterface Gi0/0/1\n negotiation auto\n ip address 10.0.0.1 255.0.255.0\n");
    let settings: Vec<_> = device.settings.iter().map(|at| (at.line, at.value.as_str())).collect();
    assert_eq!(settings, [(2, "foo bar"), (3, "foo bar / baz")]);
    let unread: Vec<_> = device.unread.iter().map(|at| (at.line, at.value.as_str())).collect();
    assert_eq!(
        unread,
        [(5, "interface Gi0/0/1 / negotiation auto"), (6, "interface Gi0/0/1 / ip address 10.0.0.1 255.0.255.0")]
    );
}

/// The configurations that a reader of the field would take for good, in the words of IOS-XE 17 and
/// of IOS 15.
#[test]
fn older_words_are_read_too() {
    let text = "\
ip vrf CINTO
 rd 65001:17
 route-target both 65001:17
track 5 rtr 10 reachability
interface FastEthernet0/0
 ip address 192.168.1.252 255.255.255.0
 ip address 10.0.0.1 255.255.255.0 secondary
 standby 1 ip 192.168.1.254
 standby 1 timers msec 200 msec 700
 standby 1 preempt delay minimum 60 reload 180
 standby 1 authentication md5 key-string 7 0822455D0A16
 standby 1 track 5
 no shutdown
interface Gi0/0.17
 encapsulation dot1q 17
 ip vrf forwarding CINTO
 ip address 10.1.1.1 255.255.255.252
ip route 10.64.17.0 255.255.255.0 Fa0/0 192.168.1.1 200 track 5 name X permanent
ip route 10.64.17.0 255.255.255.0 FastEthernet0/0 192.168.1.1 201 name Y
ip nat inside source static network 192.168.1.0 10.9.1.0 /24 vrf CINTO
ip nat inside source static tcp 192.168.1.1 80 10.9.2.1 80
access-list 10 permit 10.0.0.0 0.0.0.255
access-list 101 permit tcp any eq 22 23 host 10.0.0.1 range 1024 2000 established
policy-map P
 class MIGRATION
  police cir 8000
   conform-action drop
   exceed-action drop
 class OTHER
  police 8000 conform-action transmit
";
    let device = parse(text);
    let unread: Vec<_> = device.unread.iter().map(|at| at.value.as_str()).collect();
    assert_eq!(
        unread,
        [
            "ip nat inside source static tcp 192.168.1.1 80 10.9.2.1 80",
            "policy-map P / class OTHER / police 8000 conform-action transmit"
        ]
    );
    assert!(device.settings.is_empty(), "{:?}", device.settings);
    let hsrp = &device.interfaces[0].standby.groups[0];
    assert_eq!((hsrp.timers().hello_ms, hsrp.timers().hold_ms, hsrp.tracks[0].by), (200, 700, 10));
    assert_eq!(hsrp.number.line, 8);
    let [route] = device.routes.as_slice() else { panic!("{:?}", device.routes) };
    assert_eq!((route.distance, route.track, route.permanent, route.at.line), (201, None, false, 19));
    assert_eq!(device.interfaces[1].vlan.as_deref(), Some(&17));
    assert_eq!(device.translations[0].global.to_string(), "10.9.1.0/24");
    assert!(device.policy_maps[0].classes[0].dropped.is_some() && device.policy_maps[0].classes[1].dropped.is_none());
    let entry = &device.access_lists[1].entries[0];
    assert_eq!(
        (entry.source_port.as_deref(), entry.destination_port.as_deref()),
        (Some("eq 22 23"), Some("range 1024 2000"))
    );
    assert_eq!(entry.options, ["established"]);
}

#[test]
fn a_refused_line_changes_nothing() {
    let refused = [
        "interface Gi0\n standby 5000 ip 10.0.0.1\n",
        "interface Gi0\n standby 1 priority 256\n",
        "interface Gi0\n standby 1 timers 3 1\n",
        "interface Gi0\n ip mtu 20\n",
        "interface Gi0\n ip address 10.0.0.0 255.255.255.0\n",
        "interface Gi0\n encapsulation dot1Q 4095\n",
        "ip route 10.0.0.1 255.255.255.0 10.1.1.1\n",
        "ip route 10.0.0.0 255.255.255.0 10.1.1.1 256\n",
        "ip route 10.0.0.0 255.255.255.0 10.1.1.1 track\n",
        "ip sla schedule 9 life forever start-time now\n",
        "access-list 10 permit 10.0.0.0 0.255.0.255\n",
    ];
    for text in refused {
        let device = parse(text);
        assert_eq!(device.unread.len(), 1, "{text}: {device:?}");
        let said = Device { unread: Vec::new(), interfaces: Vec::new(), ..device.clone() };
        assert_eq!(said, Device::default(), "{text}");
        for interface in device.interfaces {
            assert_eq!(interface.standby.groups.len(), 0, "{text}");
        }
    }
}
