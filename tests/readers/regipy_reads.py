"""regipy reads a registry hive and prints every key and every value of it, one a line and sorted.

A key is `K path`, a value `V path\\name TYPE content`, the content in JSON. Fails where the hive's key lists,
counts or links do not agree.
"""

import json
import sys

from regipy.registry import NKRecord, RegistryHive

whole_value = NKRecord.read_value


def read_value(value, stream):
    """For a value that is stored within its record regipy reads to the end of the file, and drops it: minutes."""
    if value.data_size >= 0x80000000:
        value = type(value)({**value, "data_size": 0})
    return whole_value(value, stream)


NKRecord.read_value = staticmethod(read_value)


def shown(content):
    return content.hex() if isinstance(content, bytes) else content


def read(key, path, lines):
    lines.append(f"K {path or chr(92)}")
    names = set()
    for value in key.iter_values(as_json=False, trim_values=False):
        name = "" if value.name == "(default)" else value.name
        lines.append(f"V {path}\\{name} {value.value_type} {json.dumps(shown(value.value))}")
        names.add(name)
    assert len(names) == key.values_count, f"{path}: {len(names)} values of {key.values_count}"
    below = list(key.iter_subkeys())
    assert len(below) == key.subkey_count, f"{path}: {len(below)} keys of {key.subkey_count}"
    upper = [child.name.upper() for child in below]
    assert upper == sorted(upper), f"{path}: its keys are not in the order in which Windows searches them"
    for child in below:
        read(child, f"{path}\\{child.name}", lines)


hive = RegistryHive(sys.argv[1])
assert hive.header.primary_sequence_num == hive.header.secondary_sequence_num, "the hive is not closed"
lines = []
read(hive.root, "", lines)
print("\n".join(sorted(lines)))
