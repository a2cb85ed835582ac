# The controller's clock over NTP: Windows answers by itself, Samba leaves it to another program.
import socket
import struct
import time


def stamp():
    return struct.pack("!Q", int((time.time() + 2208988800) * 2**32))


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 123))
while True:
    question, client = server.recvfrom(512)
    received = stamp()
    if len(question) >= 48:
        # Version 4, server; stratum 3, precision 2^-20, no delay, no dispersion, no reference.
        head = struct.pack("!BBbbIII", 0x24, 3, 6, -20, 0, 0, 0)
        server.sendto(head + received + question[40:48] + received + stamp(), client)
