"""Real Redis servers for the tests. Servers of the machine are never used."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import redis

from tests.support.postgres import free_port

STARTS_WITHIN = 20.0
SLOTS = 16384


def _program() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    raise RuntimeError("redis-server for the tests is missing; run: .ci/need redis")


class RedisServer:
    """A server on 127.0.0.1 that writes nothing to disk. `settings` are lines of redis.conf."""

    def __init__(self, **settings: Any) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="toasts-redis-"))
        self.settings = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self.folder,
            "save": "",
            "appendonly": "no",
            **{name.replace("_", "-"): value for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> RedisServer:
        flags = [
            part for name, value in self.settings.items() for part in (f"--{name}", str(value))
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([_program(), *flags], stdout=log, stderr=log)
        deadline = time.monotonic() + STARTS_WITHIN
        while not self._answers():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.02)
        return self

    def _answers(self) -> bool:
        try:
            return bool(self.command("PING"))
        except redis.ConnectionError:
            return False

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(10)
            self.process = None

    def remove(self) -> None:
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, *words: Any) -> Any:
        """Return the server's answer to another client."""
        password = self.settings.get("requirepass")
        with redis.Redis(
            port=self.port, password=password, protocol=2, socket_timeout=10
        ) as client:
            return client.execute_command(*words)

    def listeners(self) -> list[dict[str, str]]:
        """Return the clients that have a subscription."""
        clients = self.command("CLIENT LIST")
        return [
            client
            for client in clients
            if int(client["sub"]) + int(client["psub"]) + int(client.get("ssub", 0))
        ]


class RedisCluster:
    """Three servers that share the slots."""

    def __init__(self) -> None:
        # The default port of the cluster bus is the port plus 10,000, which may be too large. A
        # node that a busy machine keeps waiting for seconds must not count as failed.
        options = {"cluster_enabled": "yes", "cluster_node_timeout": 30_000}
        self.nodes = [RedisServer(cluster_port=free_port(), **options) for _ in range(3)]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> RedisCluster:
        step = SLOTS // len(self.nodes) + 1
        for number, node in enumerate(self.nodes):
            node.start()
            last = min((number + 1) * step, SLOTS) - 1
            node.command("CLUSTER ADDSLOTSRANGE", number * step, last)
            node.command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            bus = self.nodes[0].settings["cluster-port"]
            node.command("CLUSTER MEET", "127.0.0.1", self.nodes[0].port, bus)
        deadline = time.monotonic() + STARTS_WITHIN
        while not all(self._whole(node) for node in self.nodes):
            if time.monotonic() > deadline:
                raise RuntimeError("the Redis cluster did not come together")
            time.sleep(0.05)
        return self

    def _whole(self, node: RedisServer) -> bool:
        info = node.command("CLUSTER INFO")
        known = str(len(self.nodes))
        return bool(info["cluster_state"] == "ok" and info["cluster_known_nodes"] == known)

    def owner(self, channel: str) -> RedisServer:
        """Return the node that has this channel's slot."""
        slot = self.nodes[0].command("CLUSTER KEYSLOT", channel)
        ports = {
            place[1]
            for first, last, place in self.nodes[0].command("CLUSTER SLOTS")
            if first <= slot <= last
        }
        return next(node for node in self.nodes if node.port in ports)

    def move(self, channel: str) -> None:
        """Move this channel's slot to another node."""
        slot = self.nodes[0].command("CLUSTER KEYSLOT", channel)
        before = self.owner(channel)
        after = next(node for node in self.nodes if node is not before)
        name = after.command("CLUSTER MYID").decode()
        # The new owner comes first, or it would redirect clients to the old owner.
        # It needs the highest epoch, or the gossip of the old owner takes the slot back.
        after.command("CLUSTER SETSLOT", slot, "NODE", name)
        after.command("CLUSTER BUMPEPOCH")
        for node in self.nodes:
            node.command("CLUSTER SETSLOT", slot, "NODE", name)

    def remove(self) -> None:
        for node in self.nodes:
            node.remove()
