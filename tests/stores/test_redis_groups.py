"""Clusters and Sentinel groups, with real processes."""

from __future__ import annotations

import signal

import pytest

from longshore import App
from longshore.errors import ConfigError, StoreError, StoreUnavailable
from longshore.stores import open_store
from longshore.testing.conformance import StoreConformance
from longshore.testing.conformance.sharing import CrossHints
from longshore.testing.effort import redis_elements
from longshore.testing.samples import claim, job, jobs, number
from longshore.testing.waiting import until
from servers.group import HOST, Move, cluster, primary_of, sentinel


@pytest.fixture(scope="module")
def nodes():
    with cluster() as nodes:
        yield nodes


def everywhere(nodes):
    return ",".join(f"{HOST}:{node.port}" for node in nodes)


@pytest.mark.xdist_group("cluster")
class TestCluster(StoreConformance, CrossHints):
    """Every namespace lies on one node, different ones on different nodes."""

    @pytest.fixture(autouse=True)
    def place(self, nodes):
        self.url = f"redis+cluster://{everywhere(nodes)}?namespace={{folder}}"

    def count(self, store, work):
        return redis_elements(store, work)


@pytest.mark.xdist_group("cluster")
def test_a_cluster_is_no_server(nodes):
    with pytest.raises(ConfigError, match=r"redis\+cluster://"):
        open_store(f"redis://{HOST}:{nodes[0].port}").open()


@pytest.mark.xdist_group("cluster")
def test_a_namespace_that_moves_to_another_node(nodes):
    app = App(f"redis+cluster://{everywhere(nodes)}?namespace=moving")
    app.store.put("k", "a", {})
    slot = int(nodes[0].server.say("CLUSTER KEYSLOT {moving}:jobs")[1:])
    owner = next(node for node in nodes if node.server.say(f"CLUSTER COUNTKEYSINSLOT {slot}") != ":0")
    other = next(node for node in nodes if node is not owner)
    ids = {node.port: node.server.tell("CLUSTER MYID").split("\r\n")[1] for node in nodes}
    owner.server.say("FLUSHALL")
    for node in (other, owner, *nodes):
        node.server.say(f"CLUSTER SETSLOT {slot} NODE {ids[other.port]}")

    def again() -> bool:
        try:
            app.store.put("k", "b", {})
        except StoreUnavailable:
            return False
        return True

    until(again, "the store to find the other node")
    assert app.store.list("k") == {"b": {}}
    assert other.server.say(f"CLUSTER COUNTKEYSINSLOT {slot}") != ":0"
    app.close()


@pytest.mark.xdist_group("cluster")
@pytest.mark.parametrize("gone", ["s:q", "counts", "jobs"])
def test_nothing_is_written_by_halves_while_a_slot_moves(nodes, gone):
    seeds = everywhere(nodes)
    store = open_store(f"redis+cluster://{seeds}?timeout=0.2&namespace=half:{gone}")
    store.add(jobs(5))
    slot = int(nodes[0].server.say(f"CLUSTER KEYSLOT {{half:{gone}}}:jobs")[1:])
    owner = primary_of(nodes, slot)
    other = next(node for node in nodes if node is not owner)
    move = Move(slot, owner, other)
    move.key(f"{{half:{gone}}}:{gone}")
    for call in (
        lambda: store.add([job(10)]),
        lambda: store.add(jobs(3, start=20, queue="new")),
        lambda: store.add([job(30, unique="key")]),
        lambda: claim(store),
        lambda: store.put("k", "a", {}),
    ):
        with pytest.raises(StoreUnavailable, match="is moving to another node"):
            call()
    move.finish()
    assert store.count() == {("default", "queued"): 5}
    assert len(store.get([number(n) for n in (*range(1, 6), 10, 20, 30)])) == 5
    assert len(claim(store, 10)) == 5
    store.close()


def test_new_jobs_wait_for_replicas():
    with sentinel() as group:
        watchers = ",".join(f"{HOST}:{node.port}" for node in group.sentinels)
        store = open_store(f"redis+sentinel://{watchers}/main?timeout=1&replicas=1")
        assert store.add([job(1)]) == [job(1)]
        other = open_store(f"redis://{HOST}:{group.replica.port}")
        assert group.replica.server.say("EXISTS {longshore}:jobs") == ":1"
        group.replica.server.signal(signal.SIGSTOP)
        with pytest.raises(StoreUnavailable, match="0 of 1 replicas"):
            store.add([job(2)])
        group.replica.server.signal(signal.SIGCONT)
        # It is stored nonetheless; so storing it again does nothing but wait.
        assert store.add([job(2)]) == [job(2)]
        other.close()
        store.close()


def test_a_worker_follows_the_primary():
    with sentinel() as group:
        watchers = ",".join(f"{HOST}:{node.port}" for node in group.sentinels)
        app = App(f"redis+sentinel://{watchers}/main?timeout=1", lease=2.0, sweep=0.5)
        task = app.task(name="add")(lambda n: n + 1)
        with app.worker():
            assert task.enqueue(1).result(timeout=30) == 2
            group.primary.server.kill()

            def stored():
                try:
                    return task.enqueue(2)
                except StoreError:
                    return None

            assert until(stored, "the replica to be the primary").result(timeout=30) == 3
        app.close()


def test_a_group_and_its_sentinels_have_logins_of_their_own():
    with sentinel() as group:
        (watcher,) = group.sentinels
        assert watcher.server.say("ACL SETUSER you on >p2 ~* &* +@all") == "+OK"
        assert group.primary.server.say("ACL SETUSER me on >p1 ~{longshore}:* &* +@all") == "+OK"
        url = f"valkey+sentinel://me:p1@{HOST}:{watcher.port}/main/2?sentinel_username=you&sentinel_password="
        store = open_store(f"{url}p2")
        assert store.add([job(1)]) == [job(1)]
        assert "db2:keys=" in group.primary.server.tell("INFO keyspace")
        store.close()
        for wrong in (f"{url}p1", f"{url}p2".replace("me:p1", "me:p2")):
            with pytest.raises(ConfigError, match="does not accept this user or password"):
                open_store(wrong).open()


def test_a_group_nobody_knows():
    with sentinel() as group:
        watchers = ",".join(f"{HOST}:{node.port}" for node in group.sentinels)
        with pytest.raises(StoreUnavailable, match="no primary for 'other'"):
            open_store(f"redis+sentinel://{watchers}/other").open()
