//! A host in namespaces of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use traghetto::world::{Output, Pipe, Shell, ShellError};

/// Its address.
pub const ADDRESS: &str = "192.0.2.10";

/// Namespaces, held by their first process; they end with it.
#[derive(Clone)]
pub struct Host(Arc<First>);

struct First {
    child: Child,
    /// The first process, as this machine numbers it.
    pid: String,
}

impl Drop for First {
    fn drop(&mut self) {
        // The first process is the init of its namespace: with it all others of the host end.
        let _ = Command::new("kill").args(["-9", &self.pid]).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A town's server: its files, its services, its network.
const SETUP: &str = r#"
set -e
# What the tests beside this one have mounted for themselves is not kept mounted by a copy of it.
awk -v folder="${TMPDIR:-/tmp}/" 'index($2, folder) == 1 { print $2 }' /proc/mounts |
  while read -r place; do umount -l "$place" 2>/dev/null || true; done
fixture=/mnt
mount -t tmpfs tmpfs "$fixture"
cp -a /etc "$fixture/etc"
mount --bind "$fixture/etc" /etc
mkdir "$fixture/stub"
for folder in /srv /home /opt /run /root /var/spool /var/lib; do
  [ -d "$folder" ] && mount -t tmpfs tmpfs "$folder"
done
mkdir -p /run/systemd/system /run/stub /var/spool/cron/crontabs
mount --bind "$fixture/stub" /run/stub
mount -t sysfs sysfs /sys 2>/dev/null || true
cd /run/stub

# Files.
hostname srv-cinto
rm -rf /etc/cron.d /etc/cron.daily /etc/sudoers.d /etc/rsyslog.d /etc/resolv.conf /etc/exports /etc/udev/rules.d
mkdir -p /etc/cron.d /etc/sudoers.d /etc/rsyslog.d /etc/udev/rules.d /etc/ssh
echo 0123456789abcdef0123456789abcdef >/etc/machine-id
printf 'nameserver 192.0.2.53\nsearch cinto.example\n' >/etc/resolv.conf
printf '127.0.0.1 localhost\n192.0.2.20 gestionale\n203.0.113.5 www.governo.it\n' >/etc/hosts
# The services over the Internet of this town.
printf '198.18.0.5 dime.cittametropolitana.ve.it\n198.19.0.5 halley.example\n' >>/etc/hosts
# No name server answers here, and nothing may wait for one.
echo 'hosts: files' >/etc/nsswitch.conf
echo '0 2 * * * root /usr/local/bin/export' >/etc/cron.d/export
echo '30 1 * * * /usr/local/bin/dump' >/var/spool/cron/crontabs/root
echo 'PermitRootLogin prohibit-password' >/etc/ssh/sshd_config
echo 'operatore ALL=(ALL) ALL' >/etc/sudoers.d/operatore
echo 'UUID=1 / ext4 defaults 0 1' >/etc/fstab
echo '*.* @@192.0.2.60:514' >/etc/rsyslog.d/forward.conf
echo '/srv/uffici 192.0.2.0/24(rw,sync)' >/etc/exports
printf 'root:x:0:0:root:/root:/bin/bash\noperatore:x:1000:1000::/home/operatore:/bin/bash\nanagrafe:x:1001:1001::/home/anagrafe:/bin/sh\n' >/etc/passwd
printf 'root:x:0:\noperatore:x:1000:\nanagrafe:x:1001:\nuffici:x:1100:operatore,anagrafe\n' >/etc/group
rm -f /etc/localtime; cp /usr/share/zoneinfo/Europe/Rome /etc/localtime 2>/dev/null || echo Rome >/etc/localtime
mkdir -p /srv/uffici/anagrafe /srv/uffici/protocollo /home/operatore
chmod 2770 /srv/uffici/anagrafe /srv/uffici/protocollo
chown 1000:1100 /srv/uffici/anagrafe /srv/uffici/protocollo
mkdir -p /var/lib/mysql/gestionale /var/lib/mysql/protocollo
# A second filesystem of this machine's disk.
mount --bind /usr/share /media

# What this machine itself would say.
sed -E 's/^MemTotal:.*/MemTotal:        8000000 kB/' /proc/meminfo >meminfo
mount --bind meminfo /proc/meminfo
for number in 0 1 2 3; do printf 'processor\t: %s\n\n' "$number"; done >cpuinfo
mount --bind cpuinfo /proc/cpuinfo
printf 'Filename Type Size Used Priority\n/dev/sda2 partition 2000000 0 -2\n' >swaps
mount --bind swaps /proc/swaps

# Programs that answer with a file.
printf 'smbd.service loaded active running\npostgresql.service loaded active running\ncups.service loaded active running\nssh.service loaded active running\n' >running
printf 'smbd.service enabled\npostgresql.service enabled\ncommvault.service enabled\n' >enabled
: >failed; echo yes >synchronized; : >journal; echo 0 >gateway; echo 0 >database
printf 'samba 4.17\npostgresql 15\ncups 2.4\n' >packages
printf 'device for ufficio1: socket://192.0.2.70\ndevice for ufficio2: socket://192.0.2.71\n' >printers
printf 'table inet filter {\n chain input {\n type filter hook input priority 0; policy drop;\n tcp dport 22 accept\n tcp dport 445 accept\n }\n}\n' >ruleset
printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 100000000 40000000 60000000 40%% /\n' >space
printf 'Filesystem Inodes IUsed IFree IUse%% Mounted on\n/dev/sda1 1000000 100000 900000 10%% /\n' >inodes
mkdir bin
stub() { printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"; chmod 755 "bin/$1"; }
stub systemctl 'case "$*" in *--state=running*) cat /run/stub/running ;; *--state=enabled*) cat /run/stub/enabled ;; *) cat /run/stub/failed ;; esac'
stub timedatectl 'echo "System clock synchronized: $(cat /run/stub/synchronized)"'
stub journalctl 'cat /run/stub/journal'
stub nft 'cat /run/stub/ruleset'
stub dpkg-query 'cat /run/stub/packages'
stub lpstat 'cat /run/stub/printers'
stub ping 'exit "$(cat /run/stub/gateway)"'
stub pg_isready 'exit "$(cat /run/stub/database)"'
stub df 'case "$*" in *-i*) cat /run/stub/inodes ;; *) cat /run/stub/space ;; esac'
stub testparm 'echo "[global]"'

# The network. The other end of the wire is in this machine, and has no address to answer for.
ip link set lo up
echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
ip link add eth0 type veth peer name wire
ip link set wire up
ip link set eth0 address 00:50:56:00:00:01 up
ip addr add 192.0.2.10/24 dev eth0
ip route add default via 192.0.2.1
ip route add 198.51.100.0/24 via 192.0.2.254
ip route add 203.0.113.0/24 via 192.0.2.254
cat >listen.pl <<'END'
use Socket;
my @held;
for (@ARGV) {
    my ($kind, $host, $port) = split /,/;
    my $tcp = $kind eq "tcp";
    socket(my $one, PF_INET, $tcp ? SOCK_STREAM : SOCK_DGRAM, 0) or die;
    setsockopt($one, SOL_SOCKET, SO_REUSEADDR, 1);
    bind($one, sockaddr_in($port, inet_aton($host))) or die;
    listen($one, 5) if $tcp;
    push @held, $one;
}
open(my $told, ">", "/run/stub/listening"); print $told scalar(@held); close $told;
sleep 600;
END
cat >listen <<'END'
#!/bin/sh
[ ! -e /run/stub/listener ] || kill "$(cat /run/stub/listener)"
rm -f /run/stub/listening
perl /run/stub/listen.pl "$@" </dev/null >/dev/null 2>&1 &
echo $! >/run/stub/listener
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -s /run/stub/listening ] && exit 0; sleep 0.3; done
exit 1
END
sh listen tcp,0.0.0.0,22 tcp,0.0.0.0,445 tcp,0.0.0.0,5432 tcp,127.0.0.1,3306 udp,0.0.0.0,514
echo "ready"
exec sleep 600
"#;

impl Host {
    /// Starts a host without faults.
    pub fn start() -> Self {
        let mut child = Command::new("unshare")
            .args(["--mount", "--net", "--uts", "--pid", "--fork", "--mount-proc", "--propagation", "private"])
            .args(["sh", "-c", SETUP])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "the host does not start: this needs root");
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap();
        Self(Arc::new(First { child, pid: children.trim().to_owned() }))
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.0.pid, "-m", "-n", "-u", "-p", "-r", "-w", "sh", "-s"]);
        command.env("PATH", "/run/stub/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin").env_remove("LC_ALL");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn output(&self, script: &str) -> std::process::Output {
        let mut child = self.enter().spawn().unwrap();
        let (mut stdin, script) = (child.stdin.take().unwrap(), script.to_owned());
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(script.as_bytes());
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// Makes a fault.
    pub fn inject(&self, name: &str, how: &str) {
        let output = self.output(&format!("set -e\ncd /run/stub\n{how}\n"));
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Shell for Host {
    async fn run(&self, script: &str, _deadline: Duration) -> Result<Output, ShellError> {
        let (host, script) = (self.clone(), script.to_owned());
        let output = tokio::task::spawn_blocking(move || host.output(&script)).await.unwrap();
        let status = u32::try_from(output.status.code().unwrap_or(1)).unwrap();
        Ok(Output { status, stdout: output.stdout, stderr: output.stderr })
    }

    async fn open(&self, _command: &str) -> Result<Pipe, ShellError> {
        Err(ShellError::Refused { host: "a host of this test".to_owned() })
    }
}
