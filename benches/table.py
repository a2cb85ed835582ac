"""The table of the results, in Markdown, and its place in the README."""

import os
import platform
from pathlib import Path

from copies import COMMANDS

NOTES = {
    "used": "`used` is what `df` calls used: files and folders, without the filesystem's tables and journal.",
    "bytes": "Wire bytes are Ethernet frames of both directions at the source's interface, headers included; ours "
             "without login and the push of the agent, the others' with their login (about 7 kB).",
    "free": "The others' bytes are counted on the same cable without a rate, on which they do not depend; their "
            "link use is watched for 60 s.",
    "use": "Link use is bytes sent by the source between the moments at which 2 % and 98 % of them had passed, by "
           "rate and time.",
    "loopback": "Wall times run from the first packet to durable, medians of three, caches warm for all.",
    "equal": "Every copy is compared with its source: ours byte for byte outside the ranges its manifest lists as "
             "skipped, the others' file by file.",
}


def render(rows, measured):
    """The table with its conditions and the command lines."""
    lines = ["| measure | bar | traghetto | beside | ratio | holds |", "|---|---|---|---|---|---|"]
    for row in rows:
        holds = {True: "yes", False: "**no**", None: ""}[row.holds]
        cells = (row.measure, row.bar, row.ours, row.beside, row.ratio, holds)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", f"Measured on {measured}, {conditions()}.", ""]
    lines += [f"- {note}" for note in NOTES.values()]
    lines += ["", "```sh"]
    lines += [COMMANDS[tool].replace("{device}", "DISK").replace("{target}", "COPY") for tool in
              ("dd", "rsync", "partclone")]
    lines += ["```", ""]
    return "\n".join(lines)


def conditions():
    """The machine, in a line."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{len(names)} cores of {names[0] if names else platform.machine()}, {memory:.0f} GiB, " \
           f"Linux {'.'.join(platform.release().split('.')[:2])}"


def put_into(readme, text, name="benches"):
    """Replaces what stands between the markers of a table."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = readme.read_text()
    if page.count(begin) != 1 or page.count(end) != 1:
        raise SystemExit(f"benches: {readme} has not one pair of markers {begin} {end}")
    before, rest = page.split(begin)
    after = rest.split(end)[1]
    readme.write_text(f"{before}{begin}\n{text}{end}{after}")
