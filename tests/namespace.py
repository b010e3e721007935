"""A network of one's own, for tests that must not be able to reach anything else.

Redirects to private addresses, rebinding and the like are tested where a mistake has nowhere to go: in a network
namespace whose only interface is loopback. Three ways in:

    @pytest.mark.own_network                   the test runs in a network of its own; conftest.py sees to it
    in_own_network("stillwatch", "hash", …)    one command in a network of its own
    require_own_network()                      refuses to go on anywhere else; such tests call it themselves as well
"""

import fcntl
import functools
import os
import socket
import struct
import subprocess
import sys

NO_NAMESPACE = "no network namespace for us here; the cure: sudo sysctl -w kernel.unprivileged_userns_clone=1"

SIOCSIFFLAGS = 0x8914  # linux/sockios.h
IFF_UP = 0x1


class NotOurOwnNetwork(RuntimeError):
    """A test that may only run alone on its network was started elsewhere."""


def alone() -> bool:
    """Whether loopback is the only interface there is."""
    return [name for _, name in socket.if_nameindex()] == ["lo"]


def require_own_network() -> None:
    if not alone():
        others = ", ".join(name for _, name in socket.if_nameindex() if name != "lo")
        raise NotOurOwnNetwork(f"refuses to run beside {others}; the cure: @pytest.mark.own_network, or unshare -rn")


def in_own_network(*command: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Runs the command in a network namespace of its own, loopback up, and returns when it has ended.

    Whoever calls is root in there, and still nobody but themselves outside.
    """
    return subprocess.run(
        [*unshare(), sys.executable, __file__, *command], capture_output=True, text=True, timeout=timeout_s, check=False
    )


def namespaces_work() -> bool:
    return bool(unshare())


@functools.cache
def unshare() -> tuple[str, ...]:
    """The call that works here; empty if none does. A container's root may lack user namespaces, but have -n alone."""
    for call in (("unshare", "-rn"), ("unshare", "-n")):
        if subprocess.run([*call, "true"], capture_output=True, check=False).returncode == 0:
            return call
    return ()


def bring_up_loopback() -> None:
    with socket.socket() as some_socket:
        fcntl.ioctl(some_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


if __name__ == "__main__":  # inside the new namespace: loopback is down there at first
    require_own_network()
    bring_up_loopback()
    os.execvp(sys.argv[1], sys.argv[1:])
