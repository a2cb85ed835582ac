"""hier_config makes one configuration of another: from BEFORE to AFTER, and from nothing to AFTER.

The command line has pairs of files, BEFORE and AFTER; `-` is nothing. For each pair the remediation that
hier_config works out, applied to BEFORE with its own `future()`, must give the text of AFTER. Prints one
line of JSON: how many lines each remediation has.
"""

import json
import sys

from hier_config import Platform, WorkflowRemediation, get_hconfig


def read(path):
    if path == "-":
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def lines(config):
    return sorted(tuple(child.path()) for child in config.all_children_sorted())


pairs = sys.argv[1:]
found = []
for before, after in zip(pairs[::2], pairs[1::2]):
    running = get_hconfig(Platform.CISCO_IOS, read(before))
    wanted = get_hconfig(Platform.CISCO_IOS, read(after))
    remediation = WorkflowRemediation(running, wanted).remediation_config
    future = running.future(remediation)
    assert lines(future) == lines(wanted), (
        f"{before} -> {after}: "
        f"{sorted(set(lines(future)) ^ set(lines(wanted)))[:5]}"
    )
    found.append(sum(1 for _ in remediation.all_children()))
print(json.dumps(found))
