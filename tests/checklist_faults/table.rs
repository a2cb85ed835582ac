//! The faults: what is wrong, how it is made, which item finds it.

/// A fault of a landing.
pub struct Fault {
    /// In words.
    pub name: &'static str,
    /// The item that must find it.
    pub item: &'static str,
    /// Other items that see it, too.
    also: &'static [&'static str],
    /// How it is made, in /run/stub of the host.
    pub how: &'static str,
}

impl Fault {
    /// The items that may not pass because of it.
    pub fn touches(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.item).chain(self.also.iter().copied())
    }
}

const fn fault(item: &'static str, name: &'static str, how: &'static str) -> Fault {
    Fault { name, item, also: &[], how }
}

const fn seen_by(item: &'static str, also: &'static [&'static str], name: &'static str, how: &'static str) -> Fault {
    Fault { name, item, also, how }
}

pub const FAULTS: [Fault; 60] = [
    fault("L-CMP-01", "another host name", "hostname localhost"),
    fault("L-CMP-01", "another machine id", "echo ffffffffffffffffffffffffffffffff >/etc/machine-id"),
    fault("L-CMP-02", "a static route lost", "ip route del 198.51.100.0/24"),
    fault("L-CMP-02", "a static route by another router", "ip route replace 203.0.113.0/24 via 192.0.2.253"),
    fault("L-CMP-02", "a route too many", "ip route add 10.9.0.0/16 via 192.0.2.254"),
    seen_by("L-NET-02", &["L-CMP-03", "L-NET-03", "L-NET-14"], "no default route", "ip route del default"),
    seen_by(
        "L-CMP-03",
        &["L-NET-14"],
        "the default route by another router",
        "ip route replace default via 192.0.2.253",
    ),
    seen_by("L-NET-02", &["L-CMP-03"], "two default routes", "ip route add default via 192.0.2.2 metric 50"),
    fault("L-NET-03", "the gateway is silent", "echo 1 >gateway"),
    seen_by(
        "L-VM-04",
        &["L-CMP-02", "L-CMP-03", "L-NET-02", "L-NET-03", "L-NET-14"],
        "another address",
        "ip addr add 192.0.2.99/24 dev eth0; sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1; ip addr del 192.0.2.10/24 dev eth0",
    ),
    fault("L-CMP-25", "a smaller MTU", "ip link set eth0 mtu 1400"),
    fault("L-CMP-04", "a wrong name server", "sed -i s/192.0.2.53/192.0.2.54/ /etc/resolv.conf"),
    fault("L-CMP-04", "no name server", "sed -i /nameserver/d /etc/resolv.conf"),
    fault("L-CMP-04", "another search domain", "sed -i s/cinto.example/example.org/ /etc/resolv.conf"),
    fault("L-CMP-05", "a fixed name lost", "sed -i /gestionale/d /etc/hosts"),
    fault("L-CMP-05", "a fixed name elsewhere", "sed -i s/192.0.2.20/192.0.2.21/ /etc/hosts"),
    seen_by("L-DNS-02", &["L-CMP-05"], "names do not resolve", "sed -i /governo/d /etc/hosts"),
    fault(
        "L-CMP-06",
        "the shares' port lost",
        "sh listen tcp,0.0.0.0,22 tcp,0.0.0.0,5432 tcp,127.0.0.1,3306 udp,0.0.0.0,514",
    ),
    fault(
        "L-CMP-06",
        "a database's local port lost",
        "sh listen tcp,0.0.0.0,22 tcp,0.0.0.0,445 tcp,0.0.0.0,5432 udp,0.0.0.0,514",
    ),
    fault(
        "L-CMP-06",
        "a port on the loopback only",
        "sh listen tcp,0.0.0.0,22 tcp,0.0.0.0,445 tcp,127.0.0.1,5432 tcp,127.0.0.1,3306 udp,0.0.0.0,514",
    ),
    fault(
        "L-CMP-06",
        "the log collector's port lost",
        "sh listen tcp,0.0.0.0,22 tcp,0.0.0.0,445 tcp,0.0.0.0,5432 tcp,127.0.0.1,3306",
    ),
    fault("L-CMP-07", "the shares' service stopped", "sed -i /smbd/d running"),
    fault("L-CMP-07", "the database's service stopped", "sed -i /postgresql/d running"),
    fault("L-CMP-07", "the printers' service stopped", "sed -i /cups/d running"),
    fault("L-VM-07", "a service failed", "echo 'commvault.service loaded failed failed' >failed"),
    fault("L-CMP-08", "a service no longer started at boot", "sed -i /commvault/d enabled"),
    fault("L-CMP-09", "a scheduled task lost", "rm /etc/cron.d/export"),
    fault("L-CMP-09", "a scheduled task changed", "sed -i s/30/45/ /var/spool/cron/crontabs/root"),
    fault("L-CMP-10", "a filesystem not mounted", "umount /media"),
    fault("L-CMP-10", "a filesystem mounted read-only", "mount -o remount,bind,ro /media"),
    fault("L-CMP-11", "passwords allowed for root", "echo 'PermitRootLogin yes' >/etc/ssh/sshd_config"),
    fault("L-CMP-11", "rights of an operator lost", "rm /etc/sudoers.d/operatore"),
    fault("L-CMP-11", "another fstab", "echo 'UUID=2 /data ext4 defaults 0 2' >>/etc/fstab"),
    fault("L-CMP-12", "a user lost", "sed -i /anagrafe/d /etc/passwd"),
    fault("L-CMP-12", "a user with another number", "sed -i s/:1001:1001:/:2001:1001:/ /etc/passwd"),
    fault("L-CMP-13", "a user out of its group", "sed -i s/operatore,anagrafe/operatore/ /etc/group"),
    fault("L-CMP-14", "the firewall's public profile", "sed -i 's/policy drop/policy accept/' ruleset"),
    fault("L-CMP-14", "a firewall's rule lost", "sed -i '/dport 445/d' ruleset"),
    fault(
        "L-CMP-14",
        "a firewall's rule too many",
        "sed -i 's/tcp dport 22 accept/tcp dport {22, 23} accept/' ruleset",
    ),
    fault("L-CMP-15", "a share lost", ": >/etc/exports"),
    fault("L-CMP-15", "a share open to everybody", "echo '/srv/uffici *(rw,sync)' >/etc/exports"),
    fault("L-CMP-16", "a folder open to everybody", "chmod 777 /srv/uffici/anagrafe"),
    fault("L-CMP-16", "a folder of another owner", "chown 0:0 /srv/uffici/protocollo"),
    fault("L-CMP-16", "a folder lost", "rm -r /srv/uffici/protocollo"),
    fault("L-CMP-17", "a program lost", "sed -i /cups/d packages"),
    fault("L-CMP-18", "half the memory", "sed 's/8000000/4000000/' meminfo >half; cat half >meminfo"),
    fault("L-CMP-19", "a quarter of the processors", "head -n 2 cpuinfo >one; cat one >cpuinfo"),
    fault("L-CMP-20", "no swap", "head -n 1 swaps >none; cat none >swaps"),
    fault("L-CMP-21", "the server forwards packets", "echo 1 >/proc/sys/net/ipv4/ip_forward"),
    fault("L-CMP-23", "another time zone", "echo UTC >/etc/localtime"),
    fault("L-CMP-24", "logs no longer sent", "rm /etc/rsyslog.d/forward.conf"),
    fault("L-CMP-24", "logs sent elsewhere", "sed -i s/192.0.2.60/192.0.2.61/ /etc/rsyslog.d/forward.conf"),
    fault("L-CMP-26", "new errors in the log", "echo 'Nov 21 22:10:01 srv-cinto smbd[12]: cannot read' >journal"),
    fault("L-CMP-27", "a printer lost", "sed -i /ufficio2/d printers"),
    fault("L-DB-01", "the database does not answer", "echo 2 >database"),
    fault("L-DSK-04", "a full filesystem", "sed -i 's/60000000 40%/600000 99%/' space"),
    fault("L-DSK-04", "no inodes left", "sed -i 's/10%/99%/' inodes"),
    fault("L-TIM-01", "a clock that nobody sets", "echo no >synchronized"),
    fault(
        "L-AGT-01",
        "an agent of the maker",
        "cp /bin/sleep hpasmlited; ./hpasmlited 600 </dev/null >/dev/null 2>&1 &",
    ),
    fault(
        "L-VM-09",
        "a card that is gone",
        "echo 'ATTR{address}==\"00:11:22:33:44:55\", NAME=\"eth0\"' >/etc/udev/rules.d/70-persistent-net.rules",
    ),
];
