"""A host behind a router that loses every packet, made of network namespaces. Needs root."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000
"""Of setns(2)."""
SYN_SENT = "02"
"""The state of a connection that is not answered yet, in /proc/net/tcp (proc_pid_net(5))."""


def _run(*words: str) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


class LossyNetwork:
    """This host, a router, and a far host. Programs of this host reach the far one by `address`."""

    def __init__(self) -> None:
        self._name = f"toasts{os.getpid()}"
        network = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"
        self._near, self._gate, self._exit, self.address = (
            f"{network}.{number}" for number in (1, 2, 5, 6)
        )
        self._router, self._far = f"{self._name}r", f"{self._name}f"

    def create(self) -> None:
        """Create the namespaces, and the links between them."""
        for namespace in (self._router, self._far):
            _run("ip", "netns", "add", namespace)
        pair = ("type", "veth", "peer", "name")
        _run("ip", "link", "add", self._name, *pair, "near", "netns", self._router)
        _run("ip", "-n", self._router, "link", "add", "exit", *pair, "far", "netns", self._far)
        _run("ip", "addr", "add", f"{self._near}/30", "dev", self._name)
        _run("ip", "link", "set", self._name, "up")
        for namespace, address, link in (
            (self._router, self._gate, "near"), (self._router, self._exit, "exit"),
            (self._far, self.address, "far"),
        ):  # fmt: skip
            _run("ip", "-n", namespace, "addr", "add", f"{address}/30", "dev", link)
            _run("ip", "-n", namespace, "link", "set", link, "up")
        _run("ip", "route", "add", f"{self.address}/32", "via", self._gate)
        _run("ip", "-n", self._far, "route", "add", "default", "via", self._exit)
        forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"
        _run("ip", "netns", "exec", self._router, "sh", "-c", forward)

    def remove(self) -> None:
        """Remove everything, also after `create` has failed half-way."""
        for namespace in (self._router, self._far):
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", self._name], check=False, capture_output=True)

    def lose(self) -> None:
        """Lose every packet from now on. Nobody is told."""
        _run("ip", "-n", self._router, "route", "add", "blackhole", f"{self.address}/32")

    def recover(self) -> None:
        """Let packets through again."""
        _run("ip", "-n", self._router, "route", "del", "blackhole", f"{self.address}/32")

    def listen(self) -> socket.socket:
        """Return a socket of this process that listens on the far host."""
        made: list[socket.socket] = []

        def create() -> None:
            # setns changes the calling thread alone; the socket stays in its namespace.
            with Path(f"/run/netns/{self._far}").open() as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.create_server((self.address, 0)))

        thread = threading.Thread(target=create)
        thread.start()
        thread.join(10)
        return made[0]

    def waits(self, state: str = "") -> bool:
        """Return whether a program of this host waits for the far host.

        Args:
            state: of its connection; empty: any that has sent what is not acknowledged.
        """
        remote = f"{int.from_bytes(socket.inet_aton(self.address), 'little'):08X}"
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(
            line[3] == state if state else int(line[4].partition(":")[0], 16) > 0
            for line in lines
            if line[2].startswith(remote)
        )


@contextmanager
def lossy_network() -> Iterator[LossyNetwork]:
    """Create the network, and remove it at the end."""
    network = LossyNetwork()
    try:
        network.create()
        yield network
    finally:
        network.remove()
