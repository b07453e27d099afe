"""A DHCP server (RFC 2131) that has one address to give: 192.168.69.77/24.

    dhcp_server.py INTERFACE

It prints a line for each message that it answers, and goes on until it is ended.
"""

import socket
import struct
import sys

DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
OURS = socket.inet_aton("192.168.69.100")
TO_GIVE = socket.inet_aton("192.168.69.77")
COOKIE = bytes([99, 130, 83, 99])
# op, htype, hlen, hops; xid, secs, flags; ciaddr, yiaddr, siaddr, giaddr; chaddr; sname and file; cookie
HEADER = struct.Struct("!4B 4s 4s 4s4s4s4s 16s 192x 4s")


def kind_of(options):
    """The value of option 53, DHCP message type (RFC 2132 9.6)."""
    while options and options[0] != 255:
        if options[0] == 0:
            options = options[1:]
            continue
        code, length = options[:2]
        if code == 53:
            return options[2]
        options = options[2 + length:]
    return None


def option(code, value):
    return bytes([code, len(value)]) + value


def reply(request, kind):
    _, htype, hlen, _, xid, flags, _, _, _, giaddr, chaddr, _ = HEADER.unpack_from(request)
    none = bytes(4)
    header = HEADER.pack(2, htype, hlen, 0, xid, flags, none, TO_GIVE, OURS, giaddr, chaddr, COOKIE)
    return header + b"".join([
        option(53, bytes([kind])),
        option(54, OURS),                              # who answers
        option(51, struct.pack("!I", 3600)),           # for how many seconds
        option(1, socket.inet_aton("255.255.255.0")),  # the network
        option(3, OURS),                               # the router
        b"\xff",
    ])


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[1].encode())
server.bind(("", 67))
print("ready", flush=True)
while True:
    request, _ = server.recvfrom(2048)
    if len(request) < HEADER.size or request[0] != 1:
        continue
    kind = kind_of(request[HEADER.size:])
    answer = {DISCOVER: OFFER, REQUEST: ACK}.get(kind)
    if answer is None:
        continue
    server.sendto(reply(request, answer), ("255.255.255.255", 68))
    print({OFFER: "offered", ACK: "given"}[answer], flush=True)
