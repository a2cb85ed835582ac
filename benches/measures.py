"""What is measured: each function runs ours and the others once and returns rows of the table."""

import json
import shutil
import statistics
import time
from dataclasses import asdict, dataclass, field

import copies
from disks import GIB, MIB, change_blocks, change_files, landing, mounted, partition, run
from network import Cable, Network

# The link of the issue: 10 Mbit/s guaranteed, 40 ms there and back.
LINK = Cable(mbit=10, delay_ms=20)
# The same cable without a rate: bytes are what is counted there.
FREE = Cable()
OTHERS = ("dd", "rsync", "partclone")
# The other tools are watched for so long on the shaped link: their use of it does not change.
WATCHED_SECONDS = 60


@dataclass
class Row:
    """A row of the table."""

    measure: str
    bar: str
    ours: str
    beside: str
    ratio: str
    holds: bool | None
    figures: dict = field(default_factory=dict)


class Bench:
    """The disks, the built programs and the place of the copies."""

    def __init__(self, folder, disks, tools):
        self.folder, self.disks, self.tools = folder, disks, tools
        self.keys = folder / "keys"
        self.keys.mkdir(exist_ok=True)

    def network(self, cable=None):
        return Network(self.keys, self.tools.relay, cable)

    def ours(self, network, image, name, fresh=True, donor=None, options=()):
        """One pass into the replica `name` (or an absolute folder), compared with its source; chunks may come
        from the replica `donor`."""
        folder = self.folder / "copies" / name
        if fresh:
            copies.target(self.folder, name)
        donors = [self.folder / "copies" / donor] if donor else []
        copied = copies.ours(network, self.tools, image, folder, donors, options)
        copies.compare_disks(image, folder / "disk0.img")
        return copied

    def beside(self, network, tool, image, seconds=None):
        """A copy by another tool, compared with its source unless it was cut short."""
        place = copies.target(self.folder, tool)
        if tool == "partclone":
            copies.restored_partition(image, place)
        copied = copies.beside(network, tool, image, place, seconds)
        if seconds is None:
            copies.compare_trees(image, place, whole_disk=tool != "partclone")
        place.unlink(missing_ok=True)
        return copied


def used_bytes(image):
    """What df calls used: files and folders, without the filesystem's own tables and journal."""
    with partition(image, "--read-only") as device, mounted(device, "-o", "ro,noload") as folder:
        return int(run("df", "--block-size=1", "--output=used", folder).splitlines()[1])


def cable(bench):
    """The cable by itself, before anything is measured on it."""
    with bench.network(Cable(mbit=100, delay_ms=20)) as network:
        pinged = run(*network.in_sad(f"ping -q -c 50 -i 0.05 {network.address}"))
        lost = float(pinged.split("% packet loss")[0].rsplit(" ", 1)[1])
        trip = float(pinged.split(" = ")[1].split("/")[1])
        with copies.Meter(network) as meter:
            run(*network.in_sad(f"{network.ssh()} source 'head -c 100M /dev/zero' | wc -c"))
    rate = meter.link_use() * network.cable.mbit
    holds = lost == 0 and 40 <= trip < 42 and rate >= 90
    ours = f"{rate:.1f} Mbit/s, {trip:.1f} ms, {lost:.0f} % lost"
    return [Row("the cable alone: rate, round trip, loss", "≥ 90 of 100 Mbit/s, 40 ms, 0 %", ours, "", "", holds)]


def first_copy(bench):
    """Wire bytes and link use of a first copy, and what the agent costs the source meanwhile."""
    image = bench.disks.system("a")
    used = used_bytes(image)
    with bench.network(LINK) as network:
        ours = bench.ours(network, image, "first-copy")
        copies.compare_trees(image, bench.folder / "copies/first-copy/disk0.img")
        use = {tool: bench.beside(network, tool, image, WATCHED_SECONDS).meter.link_use() for tool in OTHERS}
    with bench.network(FREE) as network:
        wire = {tool: bench.beside(network, tool, image).wire for tool in OTHERS}
    share, link = ours.wire / used, ours.meter.link_use()
    agent = ours.meter.agent_share()
    shares = ", ".join(f"{tool} {wire[tool] / used:.3f}" for tool in OTHERS)
    uses = ", ".join(f"{tool} {100 * use[tool]:.1f} %" for tool in OTHERS)
    return [
        Row(f"wire bytes of a first copy at 10 Mbit/s, by {used / 1e6:.0f} MB used", "≤ 0.30, stretch 0.28",
            f"{share:.3f}", shares, ratio(min(wire.values()), ours.wire), share <= 0.30,
            {"wire": ours.wire, "used": used, "others": wire, "report": ours.report, "seconds": ours.seconds}),
        Row("link use at 10 Mbit/s, 40 ms", "≥ 97 %", f"{100 * link:.1f} %", uses, ratio(link, max(use.values())),
            link >= 0.97, {"whole": ours.wire / LINK.bytes_per_second / ours.seconds}),
        Row("agent's processor time at 10 Mbit/s, first copy", "≤ 25 % of a core", f"{100 * agent:.1f} %", "", "",
            agent <= 0.25, {"peak_rss": ours.meter.agent_peak()}),
    ]


def loopback(bench):
    """Wall time of a first copy on loopback, from the first SSH packet to durable; medians of three."""
    image = bench.disks.system("a")
    seconds = {tool: [] for tool in ("ours", *OTHERS)}
    with bench.network() as network:
        for _ in range(3):
            seconds["ours"].append(bench.ours(network, image, "loopback").seconds)
            for tool in OTHERS:
                seconds[tool].append(bench.beside(network, tool, image).seconds)
    median = {tool: statistics.median(taken) for tool, taken in seconds.items()}
    best = min(median[tool] for tool in OTHERS)
    others = ", ".join(f"{tool} {median[tool]:.1f} s" for tool in OTHERS)
    return [Row("first copy on loopback, unshaped", "faster than the best", f"{median['ours']:.1f} s", others,
                ratio(best, median["ours"]), median["ours"] < best, {"seconds": seconds})]


def resync(bench):
    """A sync of an unchanged disk, and one after 200 changed blocks."""
    image, small = bench.disks.sparse(500 * GIB), bench.disks.sparse(20 * GIB)
    with bench.network(FREE) as network:
        bench.ours(network, image, "resync")
        same = bench.ours(network, image, "resync", fresh=False)
        change_blocks(image, 200)
        changed = bench.ours(network, image, "resync", fresh=False)
        rsync_same, rsync_changed = rsync_again(bench, network, small)
    shutil.rmtree(bench.folder / "copies/resync")
    scaled = rsync_same * 500 / 20
    payload = same.report["bytes_payload"]
    return [
        Row("sync of an unchanged 500 GiB disk, 2 GiB used", "≤ 4 KiB of protocol", f"{payload} B "
            f"({same.wire} B with SSH and TCP)", f"rsync {scaled / 1e6:.0f} MB (20 GiB took "
            f"{rsync_same / 1e6:.2f} MB; scaled)", ratio(scaled, same.wire), payload <= 4096,
            {"seconds": same.seconds, "report": same.report}),
        Row("sync after 200 random 4 KiB changes inside its files", "≤ 1.5 MB", f"{changed.wire / 1e6:.2f} MB",
            f"rsync {rsync_changed / 1e6:.2f} MB (at 20 GiB)", ratio(rsync_changed, changed.wire),
            changed.wire <= 1_500_000, {"seconds": changed.seconds, "report": changed.report}),
    ]


def rsync_again(bench, network, image):
    """Bytes of rsync over its own earlier copy: unchanged, and after 200 changed blocks."""
    place = copies.target(bench.folder, "rsync-again")
    run("cp", "--sparse=always", image, place)
    same = copies.beside(network, "rsync again", image, place).wire
    change_blocks(image, 200)
    changed = copies.beside(network, "rsync again", image, place).wire
    copies.compare_trees(image, place)
    place.unlink()
    return same, changed


def writes(bench):
    """What the receiver writes when 1 GiB of a 100 GiB disk has changed, counted by its block device."""
    image = bench.disks.chunks(100 * GIB, GIB)
    with bench.network() as network, landing(bench.folder / "landing.img", 8 * GIB) as (folder, written):
        bench.ours(network, image, folder / "replica")
        changed, before = change_files(image), written()
        ours = bench.ours(network, image, folder / "replica", fresh=False)
        total = written() - before
    return [Row("written for 1 GiB changed on 100 GiB: image, leaf file, manifest and their filesystem's journal",
                "≤ 1.05 GiB", f"{total / GIB:.3f} GiB", "", "", total <= 1.05 * GIB,
                {"changed": changed, "total": total, "report": ours.report})]


def memory(bench):
    """What the agent holds for a badly fragmented disk of 2 TiB."""
    image = bench.disks.fragmented(2048 * GIB)
    with bench.network() as network:
        ours = bench.ours(network, image, "memory")
    shutil.rmtree(bench.folder / "copies/memory")
    peak = ours.meter.agent_peak()
    return [Row("agent's memory for a 2 TiB disk in 131,072 fragments", "≤ 128 MiB", f"{peak / MIB:.0f} MiB",
                "", "", peak <= 128 * MIB, {"receiver": ours.report["peak_rss"], "seconds": ours.seconds})]


def forecast(bench):
    """What a sample says of a first copy before it, beside what the copy takes."""
    disks = (("the Debian disk at 10 Mbit/s", bench.disks.system("a"), LINK),
             ("the 500 GiB disk, unshaped", bench.disks.sparse(500 * GIB), FREE))
    rows = []
    for name, image, link in disks:
        with bench.network(link) as network:
            report = bench.ours(network, image, "forecast", options=["--sample"]).report
        shutil.rmtree(bench.folder / "copies/forecast")
        off = report["forecast"] / report["bytes_payload"] - 1
        ours = f"{report['forecast'] / 1e6:.1f} MB, {100 * off:+.1f} %"
        rows.append(Row(f"forecast of a first copy of {name}", "± 15 % of the truth", ours,
                        f"the copy took {report['bytes_payload'] / 1e6:.1f} MB", "", abs(off) <= 0.15,
                        {"report": report}))
    return rows


def dedup(bench):
    """How many chunks of one Debian installation need not be sent, since another has them."""
    with bench.network() as network:
        bench.ours(network, bench.disks.system("a"), "dedup-a")
        ours = bench.ours(network, bench.disks.system("b"), "dedup-b", donor="dedup-a")
    for name in "ab":
        shutil.rmtree(bench.folder / f"copies/dedup-{name}")
    named, sent = ours.report["named_chunks"], ours.report["chunks_sent"]
    return [Row("chunks of a second Debian installation found in the first, named and not sent", "",
                f"{100 * named / (named + sent):.1f} % of {named + sent}", "", "", None, {"report": ours.report})]


def ratio(theirs, ours):
    """How many times better."""
    return f"{theirs / ours:.2f}"


MEASURES = {
    "cable": cable,
    "first-copy": first_copy,
    "loopback": loopback,
    "resync": resync,
    "writes": writes,
    "memory": memory,
    "forecast": forecast,
    "dedup": dedup,
}


def measure(bench, name):
    """Runs one measure and keeps its rows."""
    begun = time.monotonic()
    rows = MEASURES[name](bench)
    kept = {"rows": [asdict(row) for row in rows], "seconds": time.monotonic() - begun}
    (bench.folder / f"result-{name}.json").write_text(json.dumps(kept, indent=1))
    return rows


def kept_rows(folder):
    """The rows of the last run of every measure that was run."""
    rows = []
    for name in MEASURES:
        path = folder / f"result-{name}.json"
        if path.exists():
            rows += [Row(**row) for row in json.loads(path.read_text())["rows"]]
    return rows


def last_day(folder):
    """The day of the last measure, as the README writes it."""
    last = max(path.stat().st_mtime for path in folder.glob("result-*.json"))
    return time.strftime("%d %B %Y", time.localtime(last)).lstrip("0")
