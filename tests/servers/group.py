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
def cluster() -> Iterator[list[Node]]:
    """Three nodes, each with a third of the slots, no replicas."""
    with ExitStack() as stack:
        nodes: list[Node] = []
        for _ in range(3):
            port = free_port()
            settings = {
                "port": str(port),
                "bind": HOST,
                "cluster-enabled": "yes",
                "cluster-node-timeout": "2000",
            }
            nodes.append(Node(stack.enter_context(valkey(**settings)), port))
        first, bounds = nodes[0].server, (0, 5461, 10923, 16384)
        for n, node in enumerate(nodes):
            assert node.server.say(f"CLUSTER ADDSLOTSRANGE {bounds[n]} {bounds[n + 1] - 1}") == "+OK"
            assert node.server.say(f"CLUSTER SET-CONFIG-EPOCH {n + 1}") == "+OK"
        for node in nodes[1:]:
            assert first.say(f"CLUSTER MEET {HOST} {node.port}") == "+OK"
        until(
            lambda: all("cluster_state:ok" in node.server.tell("CLUSTER INFO") for node in nodes), "a cluster"
        )
        yield nodes


class Watched(NamedTuple):
    primary: Node
    replica: Node
    sentinels: list[Node]


@contextmanager
def sentinel() -> Iterator[Watched]:
    """A primary and a replica, watched by one Sentinel under the name ``main``."""
    with ExitStack() as stack:
        ports = [free_port() for _ in range(3)]
        common = {"bind": HOST, "repl-diskless-sync-delay": "0"}
        primary = stack.enter_context(valkey(port=str(ports[0]), **common))
        replica = stack.enter_context(valkey(port=str(ports[1]), replicaof=f"{HOST} {ports[0]}", **common))
        until(lambda: "master_link_status:up" in replica.tell("INFO replication"), "the replica to follow")
        watcher = stack.enter_context(_watcher(ports[2], ports[0]))
        yield Watched(Node(primary, ports[0]), Node(replica, ports[1]), [Node(watcher, ports[2])])


@contextmanager
def _watcher(port: int, primary: int) -> Iterator[Valkey]:
    folder = Path(tempfile.mkdtemp(prefix="lsv-", dir="/tmp"))
    (folder / "conf").write_text(
        f"port {port}\nbind {HOST}\nunixsocket {folder / 's'}\ndir {folder}\nlogfile log\n"
        f"sentinel monitor main {HOST} {primary} 1\n"
        "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 5000\n"
    )
    server = Valkey(folder, file="conf")
    try:
        server.start()
        until(lambda: "slaves=1" in server.tell("INFO sentinel"), "the Sentinel to know the replica")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
