"""Copies of a disk: ours, and those of the tools a user would pick; each compared with its source."""

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass

from disks import MIB, PARTITION, loop, mounted, partition, read_only, run
from network import Meter, quoted

# The command lines as they are run and as the README prints them.
COMMANDS = {
    "dd": 'ssh source "dd if={device} bs=1M status=none | zstd -3 -q" | zstd -d -q'
          " | dd of={target} bs=1M iflag=fullblock conv=sparse,fsync status=none",
    "rsync": "rsync --inplace -z --copy-devices --fsync source:{device} {target}",
    "rsync again": "rsync --inplace -z --copy-devices --fsync --ignore-times source:{device} {target}",
    "partclone": 'ssh source "partclone.ext4 --clone --source {device} --output - --logfile /dev/null 2>/dev/null'
                 ' | zstd -3 -q" | zstd -d -q | partclone.ext4 --restore --source - --overwrite {target}'
                 " --logfile /dev/null 2>/dev/null && sync {target}",
}


@dataclass
class Copied:
    """What a copy cost."""

    seconds: float
    wire: int
    meter: Meter
    report: dict


def ours(network, tools, image, folder, donors, options=()):
    """One pass of traghetto from a read-only block device, by the static agent."""
    folder.mkdir(parents=True, exist_ok=True)
    with read_only(image) as device:
        words = [tools.driver, *options, network.address, 22, network.folder / "client", network.fingerprint(),
                 tools.agent, device, folder, *donors]
        begun = time.monotonic()
        with Meter(network) as meter:
            out = run(*network.in_sad(" ".join(quoted(word) for word in words)))
        seconds = time.monotonic() - begun
    report = json.loads(out)
    return Copied(seconds, report["interfaces"], meter, report)


def beside(network, tool, image, target, seconds=None):
    """A copy by another tool, SSH's handshake included; cut short after `seconds`, if they are given."""
    only_partition = tool == "partclone"
    with (partition(image, "--read-only") if only_partition else read_only(image)) as device:
        command = COMMANDS[tool].format(device=quoted(device), target=quoted(target))
        command = command.replace("ssh source", f"{network.ssh()} source")
        environment = {**os.environ, "RSYNC_RSH": network.ssh()}
        begun = time.monotonic()
        with Meter(network) as meter:
            process = subprocess.Popen(network.in_sad(command), env=environment, start_new_session=True)
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)
                    process.wait()
        taken = time.monotonic() - begun
    if code not in (0, None):
        raise SystemExit(f"benches: {tool} failed with {code}: {command}")
    return Copied(taken, meter.total(), meter, {})


def compare_trees(image, replica, whole_disk=True):
    """Both filesystems hold the same files: names, contents, owners, modes and times."""
    ro = ("-o", "ro,noload")
    other = partition(replica, "--read-only") if whole_disk else loop(replica, "--read-only")
    with partition(image, "--read-only") as one, other as two, mounted(one, *ro) as left, mounted(two, *ro) as right:
        said = run("rsync", "--archive", "--hard-links", "--xattrs", "--acls", "--checksum", "--dry-run", "--delete",
                   "--itemize-changes", f"{left}/", f"{right}/")
    if said:
        raise SystemExit(f"benches: a copy differs from its source:\n{said[:2000]}")


def compare_disks(image, replica):
    """The replica equals its source byte for byte, with what the manifest skips as zeros."""
    manifest = json.loads(replica.with_suffix(".json").read_text())
    skipped = [(range["offset"], range["offset"] + range["length"]) for range in manifest["skipped"]]
    with open(image, "rb") as one, open(replica, "rb") as two:
        if os.fstat(one.fileno()).st_size != os.fstat(two.fileno()).st_size:
            raise SystemExit("benches: a replica has another length than its source")
        for first, end in pieces_with_data(one, two):
            wanted = bytearray(os.pread(one.fileno(), end - first, first))
            while skipped and skipped[0][1] <= first:
                skipped.pop(0)
            for from_, to in skipped:
                if from_ >= end:
                    break
                from_, to = max(from_, first), min(to, end)
                wanted[from_ - first:to - first] = bytes(to - from_)
            if wanted != os.pread(two.fileno(), end - first, first):
                raise SystemExit(f"benches: a replica differs from its source between bytes {first} and {end}")


def pieces_with_data(*files):
    """Ascending pieces, at most 1 MiB each, in which one of the files holds data."""
    length = max(os.fstat(file.fileno()).st_size for file in files)
    at = 0
    while at < length:
        data = min(next_data(file, at, length) for file in files)
        if data >= length:
            return
        at = data - data % MIB
        end = min(at + MIB, length)
        yield at, end
        at = end


def next_data(file, at, length):
    """Where a sparse file holds data again."""
    try:
        return os.lseek(file.fileno(), at, os.SEEK_DATA)
    except OSError:
        return length


def target(folder, name):
    """A fresh place for a copy."""
    place = folder / "copies" / name
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def restored_partition(image, place):
    """An empty file of the partition's size, for partclone."""
    with open(place, "wb") as file:
        file.truncate(os.stat(image).st_size - PARTITION - MIB)
    return place
