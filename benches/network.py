"""Two network namespaces, a cable between them, an SSH server in the first; and what passes by."""

import contextlib
import os
import shlex
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from disks import run

SOURCE_ADDRESS = "10.250.0.1"
SAD_ADDRESS = "10.250.0.2"
PORT = 22
# A router's queue: a tenth of a second at the rate.
QUEUE = "latency 100ms"


@dataclass(frozen=True)
class Cable:
    """What lies between the town and the data center; without a rate as fast as it can."""

    mbit: int = 0
    delay_ms: int = 0
    loss_permille: int = 0

    @property
    def bytes_per_second(self):
        return self.mbit * 1_000_000 / 8


class Network:
    """The town (namespace with sshd) and the data center; without a cable both are one host on loopback."""

    def __init__(self, folder, relay, cable=None):
        self.folder, self.relay, self.cable = folder, relay, cable
        self.town = f"bench{os.getpid()}-town"
        self.sad = f"bench{os.getpid()}-sad" if cable else self.town
        self.address = SOURCE_ADDRESS if cable else "127.0.0.1"
        self.ends = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as ends:
            allow_cubic(ends)
            for name in dict.fromkeys((self.town, self.sad)):
                run("ip", "netns", "add", name)
                ends.callback(run, "ip", "netns", "delete", name)
                run("ip", "-n", name, "link", "set", "lo", "up")
                run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.tcp_congestion_control=cubic")
            if self.cable:
                self.lay(ends)
            self.serve(ends)
            self.ends = ends.pop_all()
        return self

    def __exit__(self, *_):
        self.ends.close()

    def lay(self, ends):
        """Lays the cable: the relay makes its two ends, which move into the namespaces."""
        taps = [f"bt{os.getpid()}", f"bs{os.getpid()}"]
        # A cable does not wait for a processor.
        relay = subprocess.Popen(["chrt", "--fifo", "10", self.relay, *taps, str(self.cable.delay_ms), str(self.cable.loss_permille)],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        ends.callback(relay.wait)
        ends.callback(relay.stdin.close)
        if relay.stdout.readline() != b"ready\n":
            raise SystemExit("benches: the relay does not start")
        for tap, name, address in zip(taps, (self.town, self.sad), (SOURCE_ADDRESS, SAD_ADDRESS)):
            run("ip", "link", "set", tap, "netns", name)
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", tap)
            run("ip", "-n", name, "link", "set", tap, "txqueuelen", "1000", "up")
            if self.cable.mbit:
                run(*f"tc -n {name} qdisc add dev {tap} root tbf rate {self.cable.mbit}mbit burst 16kb".split(),
                    *QUEUE.split())

    def serve(self, ends):
        """Starts sshd in the town with keys of its own."""
        for name in ("host", "client"):
            if not (self.folder / name).exists():
                run("ssh-keygen", "-q", "-N", "", "-C", "bench", "-t", "ed25519", "-f", self.folder / name)
        server_key, client_key = ((self.folder / f"{name}.pub").read_text() for name in ("host", "client"))
        (self.folder / "authorized_keys").write_text(client_key)
        (self.folder / "known_hosts").write_text(f"source {server_key}")
        (self.folder / "sshd_config").write_text(
            f"ListenAddress {self.address}\nPort {PORT}\nHostKey {self.folder}/host\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nStrictModes no\nPidFile none\nUsePAM no\n"
            f"PermitRootLogin yes\nUseDNS no\nLogLevel ERROR\nSetEnv HOME={self.folder}\n")
        (self.folder / "ssh_config").write_text(
            f"Host source\n HostName {self.address}\n Port {PORT}\n User root\n HostKeyAlias source\n"
            f" IdentityFile {self.folder}/client\n UserKnownHostsFile {self.folder}/known_hosts\n"
            " BatchMode yes\n LogLevel ERROR\n")
        Path("/run/sshd").mkdir(exist_ok=True)
        log = ends.enter_context(open(self.folder / "sshd.log", "w"))
        sshd = subprocess.Popen(["ip", "netns", "exec", self.town, "/usr/sbin/sshd", "-D", "-e", "-f",
                                 self.folder / "sshd_config"], stderr=log)
        ends.callback(sshd.wait)
        ends.callback(sshd.terminate)
        self.pid = sshd.pid
        self.await_answer()

    def await_answer(self):
        """Waits for sshd."""
        for _ in range(50):
            asked = subprocess.run(self.in_sad(f"{self.ssh()} source true"), stderr=subprocess.DEVNULL)
            if asked.returncode == 0:
                return
            time.sleep(0.1)
        raise SystemExit("benches: sshd does not answer")

    def ssh(self):
        """The ssh command."""
        return f"ssh -F {self.folder}/ssh_config"

    def in_sad(self, command):
        """A shell command as it runs at the data center."""
        return ["ip", "netns", "exec", self.sad, "bash", "-euo", "pipefail", "-c", command]

    def fingerprint(self):
        """Of sshd's key."""
        return run("ssh-keygen", "-lf", self.folder / "host.pub").split()[1]

    def counters(self):
        """Bytes that the town's interfaces sent and received: Ethernet frames on a cable."""
        sent = received = 0
        for line in Path(f"/proc/{self.pid}/net/dev").read_text().splitlines()[2:]:
            name, numbers = line.split(":")
            if self.cable is None or name.strip() != "lo":
                received += int(numbers.split()[0])
                sent += int(numbers.split()[8])
        return sent, received

    def agent(self):
        """The process id of the agent in the town, if it runs."""
        for pid in run("ip", "netns", "pids", self.town).split():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().startswith(".traghetto-agen"):
                    return pid
        return None


@dataclass
class Sample:
    """What a moment of a run looked like."""

    time: float
    sent: int
    total: int
    agent_cpu: float
    agent_peak: int


class Meter(threading.Thread):
    """Looks at a network five times a second while a command runs."""

    def __init__(self, network):
        super().__init__(daemon=True)
        self.network, self.samples, self.over = network, [], threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        self.look()

    def run(self):
        while not self.over.is_set():
            self.look()
            time.sleep(0.2)

    def look(self):
        """Takes one sample; a value that cannot be read any more keeps its last state."""
        last = self.samples[-1] if self.samples else Sample(0, 0, 0, 0.0, 0)
        sent, received = self.network.counters()
        cpu, peak = last.agent_cpu, last.agent_peak
        agent = self.network.agent()
        with contextlib.suppress(OSError, IndexError):
            if agent:
                fields = Path(f"/proc/{agent}/stat").read_text().rsplit(") ", 1)[1].split()
                cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                status = Path(f"/proc/{agent}/status").read_text()
                peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
        self.samples.append(Sample(time.monotonic(), sent, sent + received, cpu, peak))

    def total(self):
        """Bytes of both directions."""
        return self.samples[-1].total - self.samples[0].total

    def bulk(self):
        """The samples between which 2 % and 98 % of the bytes had passed."""
        first, last = self.samples[0].sent, self.samples[-1].sent
        share = [(sample.sent - first) / max(last - first, 1) for sample in self.samples]
        inside = [sample for sample, share in zip(self.samples, share) if 0.02 <= share <= 0.98]
        return inside[0], inside[-1]

    def link_use(self):
        """Sent bytes of the bulk by what the rate allows in its time."""
        first, last = self.bulk()
        return (last.sent - first.sent) / (self.network.cable.bytes_per_second * (last.time - first.time))

    def agent_share(self):
        """Processor time of the agent during the bulk, as a share of one core."""
        first, last = self.bulk()
        return (last.agent_cpu - first.agent_cpu) / (last.time - first.time)

    def agent_peak(self):
        """Most memory the agent held."""
        return max(sample.agent_peak for sample in self.samples)


def allow_cubic(ends):
    """Lets namespaces use CUBIC, Debian's default and so the town's server's; this kernel may have another."""
    key = "net.ipv4.tcp_allowed_congestion_control"
    allowed = run("sysctl", "-n", key)
    if "cubic" not in allowed.split():
        run("sysctl", "-qw", f"{key}={allowed} cubic")
        ends.callback(run, "sysctl", "-qw", f"{key}={allowed}")


def quoted(path):
    """A path in a shell command."""
    return shlex.quote(str(path))
