#!/usr/bin/env python3
"""Boots the machine that a folder describes in QEMU: the laboratory of an inventory's `landing.lab`.

    lab.py start TAP FOLDER
    lab.py stop FOLDER hard|gently
    lab.py status FOLDER

The card is on the tap device TAP of the network namespace in which this runs. Its cable follows
`nic.port` of machine.json while the machine is on: `production` is plugged in, anything else is not.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time

CONTROLLERS = {
    "pvscsi": ["pvscsi,id=c0"],
    "lsisas1068": ["mptsas1068,id=c0"],
    "ide": ["ahci,id=c0"],
}
# Where ovmf.sh left it.
OVMF = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../target/guest"))
# A guest that hears the power button is off within this time, in seconds.
GENTLY = 50


def described():
    with open("machine.json", encoding="utf-8") as file:
        return json.load(file)


def plugged():
    return described()["nic"]["port"] == "production"


def process():
    """The number of the machine's process, if it runs."""
    try:
        with open("qemu.pid", encoding="ascii") as file:
            number = int(file.read())
        with open(f"/proc/{number}/cmdline", "rb") as file:
            return number if b"qemu-system" in file.read() else None
    except (OSError, ValueError):
        return None


class Monitor:
    """QEMU's own protocol, over a socket in the folder: paths of sockets are short."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(name)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.lines.readline()
        self.tell("qmp_capabilities")

    def tell(self, command, **arguments):
        message = {"execute": command, "arguments": arguments}
        self.socket.sendall(json.dumps(message).encode() + b"\n")
        for line in self.lines:
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(answer["error"]["desc"])
            if "return" in answer:
                return
        raise EOFError("the machine is off")


def command(machine, tap):
    line = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-nodefaults"]
    line += ["-display", "none", "-m", str(machine["memory_mb"]), "-smp", str(machine["cpus"])]
    line += ["-uuid", machine["uuid"], "-serial", "file:console", "-device", "virtio-rng-pci"]
    for device in CONTROLLERS[machine["controller"]]:
        line += ["-device", device]
    for place, disk in enumerate(machine["disks"]):
        line += ["-drive", f"file={disk['file']},format=raw,if=none,id=d{place}"]
        if machine["controller"] == "ide":
            line += ["-device", f"ide-hd,drive=d{place},bus=c0.{place}"]
        else:
            # Linux sees no SAS disk without an address, and QEMU's has none by itself.
            line += ["-device", f"scsi-hd,drive=d{place},bus=c0.0,scsi-id={place},wwn={0x5000C50015EA7100 + place:#x}"]
    line += ["-netdev", f"tap,id=net,ifname={tap},script=no,downscript=no"]
    line += ["-device", f"{machine['nic']['model']},netdev=net,id=card,addr=0x10,mac={machine['nic']['mac']}"]
    if machine["firmware"] == "uefi":
        if not os.path.exists("variables"):
            shutil.copy(f"{OVMF}/OVMF_VARS_4M.fd", "variables")
        code = f"if=pflash,format=raw,readonly=on,file={OVMF}/OVMF_CODE_4M.fd"
        line += ["-drive", code, "-drive", "if=pflash,format=raw,file=variables"]
    for name in ["cable", "power"]:
        line += ["-qmp", f"unix:{name}.socket,server=on,wait=off"]
    # It waits until its cable is as it should be.
    return line + ["-S", "-daemonize", "-pidfile", "qemu.pid"]


def start(tap):
    if process():
        return
    subprocess.run(command(described(), tap), check=True)
    cable = Monitor("cable.socket")
    cable.tell("set_link", name="card", up=plugged())
    Monitor("power.socket").tell("cont")
    if os.fork() == 0:
        os.setsid()
        follow(cable)


def follow(cable):
    """Keeps the cable as the description says, for as long as the machine is on."""
    now = None
    while process():
        try:
            wanted = plugged()
            if wanted != now:
                cable.tell("set_link", name="card", up=wanted)
                now = wanted
        except (EOFError, OSError):
            break
        time.sleep(0.1)
    os._exit(0)


def stop(how):
    number = process()
    if number is None:
        return
    gently = how == "gently"
    try:
        Monitor("power.socket").tell("system_powerdown" if gently else "quit")
    except (EOFError, OSError):
        pass
    until = time.monotonic() + (GENTLY if gently else 10)
    while process() == number:
        if time.monotonic() > until:
            sys.exit(f"it is still on after {GENTLY if gently else 10} s")
        time.sleep(0.1)


def main():
    what, *rest = sys.argv[1:]
    folder = rest[0] if what == "stop" else rest[-1]
    os.chdir(folder)
    if what == "start":
        start(rest[0])
    elif what == "stop":
        stop(rest[1])
    elif what == "status":
        sys.exit(0 if process() else 1)
    else:
        sys.exit(2)


main()
