"""Several Valkey processes: a Cluster of three, or a primary with a replica and Sentinels, over TCP on the loopback."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from longshore.testing.waiting import until
from servers.valkey import Valkey, valkey

HOST = "127.0.0.1"


def free_port() -> int:
    """A port nobody has, nor the one 10000 above it, which a cluster's nodes use among themselves."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind((HOST, 0))
            port: int = one.getsockname()[1]
            if port < 55000:
                try:
                    other.bind((HOST, port + 10000))
                except OSError:
                    continue
                return port


class Node(NamedTuple):
    server: Valkey
    port: int


@contextmanager
def cluster(replicas: bool = False) -> Iterator[list[Node]]:
    """Three nodes, each with a third of the slots; then, where asked for, a replica of each, in the same order."""
    with ExitStack() as stack:
        nodes: list[Node] = []
        for _ in range(6 if replicas else 3):
            port = free_port()
            settings = {
                "port": str(port),
                "bind": HOST,
                "cluster-enabled": "yes",
                "cluster-node-timeout": "2000",
                "cluster-allow-replica-migration": "no",
                "cluster-replica-validity-factor": "0",
                "repl-diskless-sync-delay": "0",
            }
            nodes.append(Node(stack.enter_context(valkey(**settings)), port))
        first, bounds = nodes[0].server, (0, 5461, 10923, 16384)
        for n, node in enumerate(nodes[:3]):
            assert node.server.say(f"CLUSTER ADDSLOTSRANGE {bounds[n]} {bounds[n + 1] - 1}") == "+OK"
            assert node.server.say(f"CLUSTER SET-CONFIG-EPOCH {n + 1}") == "+OK"
        for node in nodes[1:]:
            assert first.say(f"CLUSTER MEET {HOST} {node.port}") == "+OK"
        until(
            lambda: all("cluster_state:ok" in node.server.tell("CLUSTER INFO") for node in nodes), "a cluster"
        )
        for primary, replica in zip(nodes, nodes[3:], strict=False):
            follow(primary, replica)
        yield nodes


def node_id(node: Node) -> str:
    """By which a node of a cluster is known to the others."""
    return node.server.tell("CLUSTER MYID").split("\r\n")[1]


def follow(primary: Node, replica: Node) -> None:
    """Have a node of a cluster follow another; returns when it does, and all know."""
    name = node_id(primary)
    until(lambda: replica.server.say(f"CLUSTER REPLICATE {name}") == "+OK", "the nodes to meet")
    until(lambda: "master_link_status:up" in replica.server.tell("INFO replication"), "the replica to follow")


def primary_of(nodes: list[Node], slot: int) -> Node:
    """Who serves a slot."""

    def find() -> Node | None:
        for node in nodes:
            found = node.server.tell(f"CLUSTER SLOT-STATS SLOTSRANGE {slot} {slot}")
            if "key-count" in found and "master" in node.server.tell("ROLE"):
                return node
        return None

    return until(find, f"a primary with slot {slot}")


class Move:
    """A slot on its way from one node to another, key by key, as redis-cli does it."""

    def __init__(self, slot: int, owner: Node, other: Node) -> None:
        self._slot, self._owner, self._other = slot, owner, other
        self._set(other, f"IMPORTING {node_id(owner)}")
        self._set(owner, f"MIGRATING {node_id(other)}")

    def key(self, key: str) -> None:
        """Move one."""
        assert self._owner.server.say(f'MIGRATE {HOST} {self._other.port} "{key}" 0 5000') == "+OK"

    def finish(self) -> None:
        """Move the others, and tell both."""
        while keys := self._keys():
            for key in keys:
                self.key(key)
        for node in (self._other, self._owner):
            self._set(node, f"NODE {node_id(self._other)}")

    def _set(self, node: Node, what: str) -> None:
        assert node.server.say(f"CLUSTER SETSLOT {self._slot} {what}") == "+OK"

    def _keys(self) -> list[str]:
        found = self._owner.server.tell(f"CLUSTER GETKEYSINSLOT {self._slot} 100")
        return [line for line in found.split("\r\n") if line.startswith("{")]


class Watched(NamedTuple):
    primary: Node
    replica: Node
    sentinels: list[Node]


@contextmanager
def sentinel(watchers: int = 1) -> Iterator[Watched]:
    """A primary and a replica, watched by Sentinels under the name ``main``; more than half of them decide."""
    with ExitStack() as stack:
        ports = [free_port() for _ in range(2)]
        common = {"bind": HOST, "repl-diskless-sync-delay": "0"}
        primary = stack.enter_context(valkey(port=str(ports[0]), **common))
        replica = stack.enter_context(valkey(port=str(ports[1]), replicaof=f"{HOST} {ports[0]}", **common))
        until(lambda: "master_link_status:up" in replica.tell("INFO replication"), "the replica to follow")
        found: list[Node] = []
        for _ in range(watchers):
            port = free_port()
            found.append(Node(stack.enter_context(_watcher(port, ports[0], watchers // 2 + 1)), port))
        known = f"slaves=1,sentinels={watchers}"
        until(
            lambda: all(known in node.server.tell("INFO sentinel") for node in found), "the Sentinels to meet"
        )
        yield Watched(Node(primary, ports[0]), Node(replica, ports[1]), found)


@contextmanager
def _watcher(port: int, primary: int, quorum: int) -> Iterator[Valkey]:
    folder = Path(tempfile.mkdtemp(prefix="lsv-", dir="/tmp"))
    (folder / "conf").write_text(
        f"port {port}\nbind {HOST}\nunixsocket {folder / 's'}\ndir {folder}\nlogfile log\n"
        f"sentinel monitor main {HOST} {primary} {quorum}\n"
        "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n"
    )
    server = Valkey(folder, file="conf")
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
