"""Primaries that go, hand over or lose their slots, under several worker processes: what was acknowledged is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from longshore import App
from longshore.errors import StoreError
from longshore.testing.crash_worker import NOWHERE
from longshore.testing.processes import Program
from longshore.testing.samples import job, number
from longshore.testing.scene import Scene
from longshore.testing.waiting import until
from servers.group import HOST, Move, Node, Watched, cluster, node_id, primary_of, sentinel

#: seconds within which workers consume again
AGAIN = 10.0


class Fleet:
    """Two worker processes, and a producer whose jobs are acknowledged when a replica has them."""

    def __init__(self, url: str, ledger: str) -> None:
        self.url, self.ledger = url, ledger
        self.scene = Scene(url, ledger, 2.0, 0.5)
        self._safe = Scene(f"{url}&replicas=1", ledger, 2.0, 0.5)
        self.acknowledged: list[str] = []
        self._stop = threading.Event()
        self._load = threading.Thread(target=self._enqueue)

    def _enqueue(self) -> None:
        while not self._stop.wait(0.002):
            try:
                self.acknowledged.append(self._safe.note.enqueue().id)
            except StoreError:
                continue

    def goes_on(self) -> None:
        """Returns when a job that is enqueued now was done by a worker."""

        def stored() -> bool:
            try:
                return self.scene.note.enqueue().result(timeout=AGAIN) > 0
            except StoreError:
                return False

        until(stored, "a job to be done again", AGAIN)

    def survives(self, trouble: Callable[[], object]) -> float:
        """Trouble in the midst of work; seconds until work goes on."""
        loaded = len(self.acknowledged) + 20
        until(lambda: len(self.acknowledged) > loaded, "replicated jobs")
        trouble()
        start = time.monotonic()
        self.goes_on()
        return time.monotonic() - start

    def finish(self) -> None:
        """All that was acknowledged is done, and what is stored is whole."""
        self._stop.set()
        self._load.join()
        store = self.scene.app.store
        until(lambda: self.scene.idle, "the end of all jobs")
        jobs = store.get(self.acknowledged)
        assert [one for one in self.acknowledged if one not in jobs] == []
        assert {job.state for job in jobs.values()} == {"succeeded"}


@contextmanager
def fleet(url: str, ledger: str) -> Iterator[Fleet]:
    """Working, from the beginning to the end of the block."""
    with ExitStack() as stack:
        fleet = Fleet(url, ledger)
        words = ("--ledger", ledger, "--lease", "2", "--sweep", "0.5", "--max-crashes", "10")
        for _ in range(2):
            program = Program("-m", "longshore.testing.crash_worker", url, NOWHERE, "1", *words)
            stack.enter_context(program).line("ready")
        fleet._load.start()
        try:
            yield fleet
            fleet.finish()
        finally:
            fleet._stop.set()
            fleet._load.join()
            fleet.scene.app.close()
            fleet._safe.app.close()


def group_url(group: Watched) -> str:
    watchers = ",".join(f"{HOST}:{node.port}" for node in group.sentinels)
    return f"redis+sentinel://{watchers}/main?timeout=1"


def role(node: Node) -> str:
    return node.server.tell("ROLE").split("\r\n")[2]


def test_sentinels_hand_over_and_replace_a_primary(tmp_path):
    with sentinel(watchers=3) as group, fleet(group_url(group), str(tmp_path / "ledger")) as workers:

        def hand_over() -> None:
            # Both agree before they change places: nothing at all is lost. Sentinels that just met do not elect one another
            # at once, and say that they are at it when asked again meanwhile.
            def done() -> bool:
                group.sentinels[0].server.say("SENTINEL FAILOVER main COORDINATED")
                return (role(group.primary), role(group.replica)) == ("slave", "master")

            until(done, "a new primary")

        workers.survives(hand_over)
        workers.survives(group.replica.server.kill)
        group.sentinels[0].server.kill()
        workers.goes_on()


def test_a_primary_that_was_replaced_and_does_not_know_is_left(caplog):
    with sentinel() as group:
        app = App(group_url(group))
        heard = threading.Event()
        app.store.subscribe(["queue:a"], heard.set)
        app.store.add([job(1)])
        until(lambda: group.sentinels[0].server.say("SENTINEL FAILOVER main") == "+OK", "a failover")
        until(
            lambda: app.store.get([number(1)]) and app.store.lines.place == (HOST, group.replica.port),
            "us to leave",
        )
        # It still thinks it is one, and would take jobs for some ten seconds, which would be lost.
        assert role(group.primary) == "master"
        assert "another server took over" in caplog.text
        until(heard.is_set, "hints to come from the new one")
        app.close()


class Moves:
    """What may happen to the slot of a namespace."""

    def __init__(self, nodes: list[Node], namespace: str) -> None:
        self._nodes = nodes
        self.slot = int(nodes[0].server.say(f"CLUSTER KEYSLOT {{{namespace}}}:jobs")[1:])

    @property
    def primary(self) -> Node:
        return primary_of(self._nodes, self.slot)

    def _other(self) -> Node:
        owner = self.primary
        return next(node for node in self._nodes[:3] if node is not owner)

    def hand_over(self) -> None:
        """A replica asks for its primary's place."""
        owner = self.primary
        replica = self._nodes[self._nodes.index(owner) + 3]
        assert replica.server.say("CLUSTER FAILOVER") == "+OK"
        until(lambda: "master" in replica.server.tell("ROLE"), "the replica to be the primary")
        until(lambda: "slave" in owner.server.tell("ROLE"), "the primary to be a replica")
        until(lambda: owner.server.say("CLUSTER FAILOVER") == "+OK", "the way back")
        until(lambda: self.primary is owner, "the primary to be one again")

    def move_by_keys(self) -> None:
        """As redis-cli does: key by key, which takes its time."""
        Move(self.slot, self.primary, self._other()).finish()

    def move_at_once(self) -> None:
        """As Valkey 9 does: the new owner follows the old one until it has everything."""
        owner, other = self.primary, self._other()
        asked = f"CLUSTER MIGRATESLOTS SLOTSRANGE {self.slot} {self.slot} NODE {node_id(other)}"
        assert owner.server.say(asked) == "+OK"
        until(lambda: self.primary is other, "the slot to be moved")


def test_a_cluster_moves_a_namespace_and_replaces_its_primary(tmp_path):
    with cluster(replicas=True) as nodes:
        seeds = ",".join(f"{HOST}:{node.port}" for node in nodes)
        url = f"redis+cluster://{seeds}?timeout=1&namespace=moving"
        with fleet(url, str(tmp_path / "ledger")) as workers:
            moves = Moves(nodes, "moving")
            for trouble in (moves.hand_over, moves.move_by_keys, moves.move_at_once):
                workers.survives(trouble)
            workers.survives(moves.primary.server.kill)
