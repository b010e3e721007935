"""Addresses that are ours for the length of a test: given to loopback, inside a network namespace that has nothing else."""

import fcntl
import socket
import struct

from tests.namespace import require_own_network

SIOCSIFADDR = 0x8916  # linux/sockios.h
SIOCSIFNETMASK = 0x891C


def take(address: str, number: int) -> None:
    """From now on a connection to this address ends here. `number`: a different one for each."""
    require_own_network()
    if ":" in address:
        _take_ipv6(address)
    else:
        _take_ipv4(address, number)


def _take_ipv4(address: str, number: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as some_socket:
        for call, value in ((SIOCSIFADDR, address), (SIOCSIFNETMASK, "255.255.255.255")):
            request = struct.pack("16sHH4s8x", f"lo:{number}".encode(), socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(some_socket, call, request)


def _take_ipv6(address: str) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as some_socket:
        loopback = socket.if_nametoindex("lo")
        request = struct.pack("16sIi", socket.inet_pton(socket.AF_INET6, address), 128, loopback)
        fcntl.ioctl(some_socket, SIOCSIFADDR, request)
