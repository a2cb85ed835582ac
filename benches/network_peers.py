"""What the peers of `benches/network` do: run with the Python of their own environment.

`network_peers.py parse FOLDER` parses every text with ciscoconfparse2; `network_peers.py remediate FOLDER` works out
with hier_config the lines from each `before` to its `after`. Prints one line of JSON with the seconds taken, reading
of files and starting of Python not counted.
"""

import json
import logging
import sys
import time
from pathlib import Path

logging.disable(logging.CRITICAL)


def parse(texts):
    """Seconds, and how many routes were found."""
    from ciscoconfparse2 import CiscoConfParse

    lines = [text.splitlines() for pair in texts for text in pair]
    started = time.monotonic()
    routes = sum(len(CiscoConfParse(text, syntax="ios", factory=False).find_objects(r"^ip route ")) for text in lines)
    return {"seconds": time.monotonic() - started, "routes": routes}


def remediate(texts):
    """Seconds, and how many lines were worked out."""
    from hier_config import Platform, WorkflowRemediation, get_hconfig

    started = time.monotonic()
    lines = 0
    for before, after in texts:
        running, wanted = (get_hconfig(Platform.CISCO_IOS, text) for text in (before, after))
        lines += sum(1 for _ in WorkflowRemediation(running, wanted).remediation_config.all_children())
    return {"seconds": time.monotonic() - started, "lines": lines}


folder = Path(sys.argv[2])
pairs = [(path.read_text(), path.with_suffix(".after").read_text()) for path in sorted(folder.glob("*.before"))]
print(json.dumps({"parse": parse, "remediate": remediate}[sys.argv[1]](pairs)))
