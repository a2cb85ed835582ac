"""ciscoconfparse2 reads every configuration named on the command line and finds in it what is there.

Prints one line of JSON: per file the number of lines, of interfaces and of routes that it found.
Fails where a child stands under no parent, or where what it holds is not the text that it was given.
"""

import json
import logging
import sys

logging.disable(logging.CRITICAL)
from ciscoconfparse2 import CiscoConfParse  # noqa: E402

found = {}
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    parse = CiscoConfParse(lines, syntax="ios", factory=False)
    texts = [line.text for line in parse.objs]
    assert [text for text in texts if text.strip()] == [line for line in lines if line.strip()], path
    for line in parse.objs:
        if line.text.startswith(" ") and not line.text.strip().startswith("!"):
            assert line.parent is not line, f"{path}: `{line.text}` has no parent"
    found[path] = {
        "lines": len(texts),
        "interfaces": len(parse.find_objects(r"^interface ")),
        "routes": len(parse.find_objects(r"^ip route ")),
    }
print(json.dumps(found))
