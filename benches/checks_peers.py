"""The checks by parallel-ssh, which runs in an environment of its own.

  checks_peers.py FOLDER script|commands
"""

import sys
from pathlib import Path

from pssh.clients import ParallelSSHClient


def main():
    folder, way = Path(sys.argv[1]), sys.argv[2]
    hosts = (folder / "hosts").read_text().split()
    checks = [(folder / "script.sh").read_text()] if way == "script" else (folder / "checks").read_text().splitlines()
    client = ParallelSSHClient(hosts, user=(folder / "user").read_text(), port=int((folder / "port").read_text()), pkey=str(folder / "client"),
                               allow_agent=False, identity_auth=False, pool_size=64)
    for check in checks:
        for host in client.run_command(check):
            said = list(host.stdout), list(host.stderr)
            if host.exit_code != 0:
                raise SystemExit(f"benches: {host.host}: {check}: {host.exit_code} {said}")


if __name__ == "__main__":
    main()
