"""The disks of the benchmarks: made by the real tools, kept under target/bench, read through loop devices."""

import contextlib
import ctypes
import os
import random
import shlex
import shutil
import subprocess
from pathlib import Path

MIB = 1 << 20
GIB = 1 << 30
BLOCK = 4096
# Where the one partition of every disk begins.
PARTITION = MIB

RELEASE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
# Two servers of one town: the same system, other services. No package here starts a service.
PACKAGES = {
    "a": "openssh-server,apache2-bin,php-cli,git,rsyslog",
    "b": "openssh-server,nginx-light,python3,vim,rsyslog",
}


def run(*command, **options):
    """Runs a command that must end well and returns what it printed."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"benches: failed with {done.returncode}: {shlex.join(str(word) for word in command)}")
    return done.stdout.strip()


@contextlib.contextmanager
def loop(image, *options):
    """A loop device over an image, as a tool sees a disk."""
    device = run("losetup", "--find", "--show", *options, image)
    try:
        yield device
    finally:
        run("losetup", "--detach", device)


def read_only(image):
    """The whole disk as a read-only block device: no tool is told where the holes of the image are."""
    return loop(image, "--read-only")


def partition(image, *options):
    """The partition as a block device."""
    return loop(image, "--offset", PARTITION, "--sizelimit", image_end(image) - PARTITION, *options)


def image_end(image):
    """End of the partition in bytes: the last MiB is left to the second GPT."""
    return os.stat(image).st_size - MIB


@contextlib.contextmanager
def mounted(device, *options):
    """A mounted filesystem; yields its folder."""
    folder = Path(run("mktemp", "--directory", "/tmp/traghetto-bench.XXXXXX"))
    try:
        run("mount", *options, device, folder)
        try:
            yield folder
        finally:
            run("umount", folder)
    finally:
        folder.rmdir()


@contextlib.contextmanager
def landing(image, size):
    """A filesystem of its own for a replica; yields its folder and a function: bytes written to its device."""
    with open(image, "wb") as file:
        file.truncate(size)
    with loop(image) as device:
        run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", device)
        with mounted(device) as folder:
            yield folder, lambda: sectors_written(folder, device) * 512
    image.unlink()


def sectors_written(folder, device):
    """Sectors of 512 bytes written to a block device, once what its filesystem holds back is written."""
    run("sync", "--file-system", folder)
    return int(Path(f"/sys/block/{Path(device).name}/stat").read_text().split()[6])


class Disks:
    """Makes each disk once and keeps it in a folder."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def system_tree(self, name):
        """A Debian system installed from the mirror."""
        tree = self.folder / f"system-{name}"
        done = self.folder / f"system-{name}.done"
        if not done.exists():
            shutil.rmtree(tree, ignore_errors=True)
            packages = self.folder / "packages"
            packages.mkdir(exist_ok=True)
            run("debootstrap", f"--cache-dir={packages}", f"--include={PACKAGES[name]}", RELEASE, tree, MIRROR,
                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # As after `apt-get clean`, which apt itself does after an installation.
            for package in (tree / "var/cache/apt/archives").glob("*.deb"):
                package.unlink()
            (tree / "etc/hostname").write_text(f"server-{name}\n")
            done.touch()
        return tree

    def system(self, name):
        """4 GiB: a Debian system, and 1 GiB of deleted random files in its free space."""
        def fill(folder):
            # Each installation has written its files in an order of its own.
            self.copy_tree(self.system_tree(name), folder, random.Random(name))
            junk = folder / "junk"
            junk.mkdir()
            write_random(junk, 16, 64 * MIB, seed=f"junk {name}")
            run("sync", "--file-system", folder)
            shutil.rmtree(junk)
        return self.disk(f"system-{name}.img", 4 * GIB, fill)

    def sparse(self, size):
        """A disk of `size` bytes with about 2 GiB used: a Debian system, and files that do not compress."""
        def fill(folder):
            self.copy_tree(self.system_tree("a"), folder, random.Random("sparse"))
            data = folder / "srv/data"
            data.mkdir(parents=True)
            write_random(data, 50, 32 * MIB, seed="data")
        return self.disk(f"sparse-{size // GIB}.img", size, fill)

    def fragmented(self, size):
        """A disk of `size` bytes with a file of 32 GiB in 131,072 fragments, which are allocated and never written."""
        def fill(folder):
            with open(folder / "fragments", "wb") as file:
                os.posix_fallocate(file.fileno(), 0, 32 * GIB)
                for first in range(0, 32 * GIB, MIB // 4):
                    punch(file, first, MIB // 8)
        return self.disk(f"fragmented-{size // GIB}.img", size, fill)

    def chunks(self, size, used):
        """A disk of `size` bytes with one file of `used` random bytes."""
        def fill(folder):
            write_random(folder, 1, used, seed="chunks")
        return self.disk(f"chunks-{size // GIB}.img", size, fill)

    def disk(self, name, size, fill):
        """A GPT disk with one ext4 partition, filled and unmounted."""
        image = self.folder / name
        if image.exists():
            return image
        draft = image.with_suffix(".part")
        draft.unlink(missing_ok=True)
        with open(draft, "wb") as file:
            file.truncate(size)
        sectors = (image_end(draft) - PARTITION) // 512
        run("sfdisk", "--quiet", draft, input=f"label: gpt\nstart={PARTITION // 512}, size={sectors}, type=L\n")
        with partition(draft) as device:
            run("mkfs.ext4", "-q", "-F", device)
            with mounted(device) as folder:
                fill(folder)
        draft.rename(image)
        return image

    @staticmethod
    def copy_tree(tree, folder, order):
        """Copies a system, its top folders and theirs in a random order."""
        tops = sorted(path for top in tree.iterdir() for path in (top.iterdir() if walkable(top) else [top]))
        order.shuffle(tops)
        for path in tops:
            run("cp", "--archive", "--parents", path.relative_to(tree), folder, cwd=tree)


def walkable(path):
    """Whether it is a folder with something in it, and no link."""
    return path.is_dir() and not path.is_symlink() and any(path.iterdir())


def write_random(folder, files, size, seed):
    """Writes files of random bytes, the same for the same seed."""
    source = random.Random(seed)
    for number in range(files):
        with open(folder / f"{number:03}.bin", "wb") as file:
            for _ in range(size // MIB):
                file.write(source.randbytes(MIB))


def file_blocks(image):
    """Offsets on the disk of the 4 KiB blocks of the files under srv/data and of the top folder's."""
    with partition(image, "--read-only") as device, mounted(device, "-o", "ro,noload") as folder:
        files = sorted(path for place in (folder, folder / "srv/data") for path in place.glob("*.bin"))
        listing = run("filefrag", "-v", f"-b{BLOCK}", *files)
    blocks = []
    for line in listing.splitlines():
        fields = [field.strip() for field in line.split(":")]
        if len(fields) >= 4 and fields[0].isdigit():
            first, last = (int(number) for number in fields[2].split(".."))
            blocks += [PARTITION + block * BLOCK for block in range(first, last + 1)]
    return blocks


def change_blocks(image, count):
    """Changes random 4 KiB blocks inside file data."""
    with open(image, "r+b") as file:
        for offset in random.sample(file_blocks(image), count):
            file.seek(offset)
            file.write(os.urandom(BLOCK))
        os.fsync(file.fileno())


def change_files(image):
    """Writes every block of the files anew; returns how many bytes."""
    blocks = file_blocks(image)
    with open(image, "r+b") as file:
        for offset in blocks:
            file.seek(offset)
            file.write(os.urandom(BLOCK))
        os.fsync(file.fileno())
    return len(blocks) * BLOCK


def punch(file, offset, length):
    """Frees a range of an open file, keeping its size."""
    keep_size_and_punch = 0x01 | 0x02
    arguments = (ctypes.c_long(offset), ctypes.c_long(length))
    if ctypes.CDLL(None, use_errno=True).fallocate(file.fileno(), keep_size_and_punch, *arguments) != 0:
        raise OSError(ctypes.get_errno(), "a hole cannot be punched")
