"""One OpenSSH server as 200 hosts, and what each tool needs to ask them the same 20 checks."""

import contextlib
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from disks import run

HOSTS = 200
# Each is a line of sh that succeeds on any Linux. Some print what differs from host to host.
CHECKS = [
    "test -d /etc",
    "test -r /etc/passwd",
    "test -s /etc/group",
    "test -w /tmp",
    "test -x /bin/sh",
    "test -c /dev/null",
    "test -L /proc/self",
    "test ! -e /run/reboot-required",
    "test ! -e /etc/nologin",
    'test -n "$SSH_CONNECTION"',
    'read -r seconds idle </proc/uptime && echo "$seconds"',
    'read -r one five rest </proc/loadavg && echo "$one"',
    'read -r name </proc/sys/kernel/hostname && echo "$name"',
    'set -- $SSH_CONNECTION; echo "$3"',
    "uname -r",
    "id -u",
    "df -P /",
    "grep -c ^processor /proc/cpuinfo",
    "grep ^MemTotal /proc/meminfo",
    "head -n 1 /etc/os-release",
]
SERVER = """\
  - id: host-{number}
    os: {{linux: Debian 12}}
    physical: true
    billable: true
    roles: [logging]
    address: 192.0.2.{number}
    landing: keep
    transfer: agent
    disks: [{{id: disk0, source: /dev/sda, size_gb: 120, used_gb: 40}}]
    access: {{host: {host}, port: {port}, user: {user}, key: {key}, host_key: "{fingerprint}"}}
"""
ITEM = """\
  - id: B-{number}
    title: {{it: Prova {number}, en: Trial {number}}}
    severity: blocker
    roles: [venis-sistemista]
    scope: server
    probe:
      sh: |
        {check}
"""


class Hosts:
    """The server, and a folder with what the tools need."""

    def __init__(self, folder, project):
        self.folder, self.project = folder, project
        # Within the tenant's LAN, beside its router's addresses.
        self.numbers = range(10, 10 + HOSTS)
        self.names = [f"127.0.2.{number}" for number in self.numbers]
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.ends = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as ends:
            self.serve(ends)
            self.write_inventory()
            self.write_for_peers()
            self.ends = ends.pop_all()
        return self

    def __exit__(self, *_):
        self.ends.close()

    def serve(self, ends):
        """Starts sshd with keys of its own. Sessions find an empty home: what root's shell does there is not measured."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        for name in ("host", "client"):
            run("ssh-keygen", "-q", "-N", "", "-C", "bench", "-t", "ed25519", "-f", self.folder / name)
        (self.folder / "home").mkdir()
        (self.folder / "sshd_config").write_text(
            f"ListenAddress 0.0.0.0\nPort {self.port}\nHostKey {self.folder}/host\n"
            f"AuthorizedKeysFile {self.folder}/client.pub\nStrictModes no\nPidFile none\nUsePAM no\nPermitRootLogin yes\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 500\nMaxSessions 100\nUseDNS no\n"
            f"Subsystem sftp internal-sftp\nLogLevel ERROR\nSetEnv HOME={self.folder}/home\n")
        Path("/run/sshd").mkdir(exist_ok=True)
        sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", self.folder / "sshd_config"],
                                stderr=ends.enter_context(open(self.folder / "sshd.log", "w")))
        ends.callback(sshd.wait)
        ends.callback(sshd.terminate)
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection((self.names[0], self.port)):
                return
            time.sleep(0.1)
        raise SystemExit("benches: sshd does not answer")

    def write_inventory(self):
        """A root for traghetto: the project's, where one tenant has these servers and the source these checks."""
        root = self.folder / "root"
        for name in ("inventory", "playbooks", "checklists", "templates"):
            shutil.copytree(self.project / name, root / name)
        fingerprint = run("ssh-keygen", "-lf", self.folder / "host.pub").split()[1]
        servers = "".join(SERVER.format(number=number, host=host, port=self.port, user=self.user, fingerprint=fingerprint,
                                        key=self.folder / "client") for number, host in zip(self.numbers, self.names))
        tenant = root / "inventory/tenants/cinto-caomaggiore.yaml"
        text = re.sub(r"(?ms)^servers:\n.*?(?=^sites:)", lambda _: f"servers:\n{servers}", tenant.read_text())
        tenant.write_text(re.sub(r"assessed: 3\b", f"assessed: {HOSTS}", text))
        items = "".join(ITEM.format(number=number, check=check) for number, check in enumerate(CHECKS, 1))
        (root / "checklists/source.yaml").write_text(f"checklist: source\nversion: 1\nitems:\n{items}")

    def ours(self, program):
        """The command of traghetto. It begins anew: no journal of a run before."""
        root = self.folder / "root"
        for name in (".traghetto", "replicas"):
            shutil.rmtree(root / name, ignore_errors=True)
        return [program, "--root", root, "--operator", "anna-veneto", "checklist", "run", "source", "cinto-caomaggiore"]

    def write_for_peers(self):
        """The same hosts and checks as the other tools read them."""
        checks = [f"  - shell: {yaml_quoted(check)}\n    changed_when: false\n" for check in CHECKS]
        head = "- hosts: all\n  gather_facts: false\n  tasks:\n"
        host_key = " ".join((self.folder / "host.pub").read_text().split()[:2])
        files = {
            "hosts": "\n".join(self.names),
            "hosts.ini": "\n".join(self.names),
            "port": str(self.port),
            "user": self.user,
            "checks": "\n".join(CHECKS),
            # One script that stops at the first check that does not hold.
            "script.sh": "set -e\n" + "".join(f"( {check} )\n" for check in CHECKS),
            "script.yaml": f"{head}  - script: {self.folder}/script.sh\n    args: {{executable: /bin/sh}}\n",
            "shell.yaml": head + "".join(checks),
            "known_hosts": f"[127.0.2.*]:{self.port} {host_key}\n",
        }
        for name, text in files.items():
            (self.folder / name).write_text(text)

    def ansible(self):
        """Ansible's settings at their quickest here: pipelining, connections kept, Python not searched for."""
        return {
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "ansible/tmp"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_FORKS": "20",
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
            "ANSIBLE_REMOTE_PORT": str(self.port),
            "ANSIBLE_REMOTE_USER": self.user,
            "ANSIBLE_PRIVATE_KEY_FILE": str(self.folder / "client"),
            "ANSIBLE_SSH_ARGS": "-F none -o ControlMaster=auto -o ControlPersist=60s "
                                f"-o UserKnownHostsFile={self.folder}/known_hosts",
        }


def yaml_quoted(text):
    """A string of YAML."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
