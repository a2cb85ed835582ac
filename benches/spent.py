"""Runs a command; prints as JSON what it took, with all that it started.

Ansible's connections outlive it: they are adopted here, ended, and counted.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def end_children():
    """Ends the children that there still are, and waits for them: only then their time is counted."""
    while True:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        if not children:
            return
        for child in children:
            os.kill(int(child), signal.SIGTERM)
        for child in children:
            os.waitpid(int(child), 0)


def main():
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise SystemExit("benches: this kernel adopts no processes")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    try:
        ran = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
        wall = time.monotonic() - begun
    finally:
        end_children()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"wall": wall, "cpu": usage.ru_utime + usage.ru_stime}))
    sys.exit(ran.returncode)


if __name__ == "__main__":
    main()
