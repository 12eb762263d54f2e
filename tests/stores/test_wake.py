"""Hints between processes: sockets beside the file, and what is left of them."""

import os
import signal
import stat
import threading
import warnings

import pytest

from longshore.stores.wake import Wake
from longshore.testing.children import children

_LISTEN = """
import threading
import warnings
from longshore.stores.wake import Wake
wake = Wake(sys.argv[1])
wake.subscribe(["queue:*", "job:1"], lambda: None)
print("ready", flush=True)
threading.Event().wait()
"""


@pytest.fixture
def pair(tmp_path):
    made = [Wake(f"{tmp_path}/a.db-wake"), Wake(f"{tmp_path}/a.db-wake")]
    yield made
    for wake in made:
        wake.close()


def kinds(folder):
    return sorted(name.partition("-")[0] for name in os.listdir(folder))


def test_nothing_is_there_until_somebody_listens_and_nothing_afterwards(tmp_path):
    wake = Wake(f"{tmp_path}/a.db-wake")
    wake.publish(["queue:a"])
    assert os.listdir(tmp_path) == []
    first = wake.subscribe(["queue:a"], lambda: None)
    assert kinds(tmp_path / "a.db-wake") == ["bound", "queue"]
    second = wake.subscribe(["job:1", "job:2"], lambda: None)
    third = wake.subscribe(["job:1"], lambda: None)
    assert kinds(tmp_path / "a.db-wake") == ["bound", "job", "queue"]
    second.close()
    assert kinds(tmp_path / "a.db-wake") == ["bound", "job", "queue"]
    third.close()
    first.close()
    assert kinds(tmp_path / "a.db-wake") == ["bound"]
    wake.close()
    wake.close()
    assert os.listdir(tmp_path) == []


def test_it_listens_again_after_close(pair):
    heard = threading.Event()
    pair[1].subscribe(["queue:a"], lambda: None)
    pair[1].close()
    pair[1].subscribe(["queue:a"], heard.set)
    pair[0].publish(["queue:a"])
    assert heard.wait(10)


def test_only_the_owner_may_knock(pair, tmp_path):
    pair[0].subscribe(["queue:a"], lambda: None)
    folder = tmp_path / "a.db-wake"
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    for name in os.listdir(folder):
        assert stat.S_IMODE(os.stat(folder / name).st_mode) == 0o600


def test_whoever_waits_for_something_else_is_left_alone(pair):
    heard = threading.Event()
    sent = []
    pair[1].subscribe(["job:1"], heard.set)
    pair[0]._sendto, sendto = lambda name, data: (sent.append(name), sendto(name, data)), pair[0]._sendto
    pair[0].publish(["queue:a", "leases"])
    assert sent == []
    pair[0].publish(["job:1"])
    assert heard.wait(10)
    assert len(sent) == 1


@pytest.mark.parametrize("length", [60, 120, 200])
def test_paths_of_any_length(tmp_path, length):
    folder = tmp_path / ("d" * length)
    folder.mkdir()
    heard = threading.Event()
    one, other = Wake(f"{folder}/a.db-wake"), Wake(f"{folder}/a.db-wake")
    one.subscribe(["queue:a"], heard.set)
    other.publish(["queue:a"])
    assert heard.wait(10)
    one.close()
    other.close()
    assert os.listdir(folder) == []


def test_the_next_publisher_removes_what_a_killed_process_left(pair, tmp_path):
    folder = tmp_path / "a.db-wake"
    with children([(_LISTEN, str(folder))]) as (child,):
        assert child.stdout.readline() == "ready\n"
        assert kinds(folder) == ["bound", "job", "queue"]
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.communicate()
    pair[0].publish(["queue:a"])
    pair[0].publish(["job:2"])
    assert kinds(folder) == []


def test_the_next_listener_removes_what_a_killed_process_left(pair, tmp_path):
    folder = tmp_path / "a.db-wake"
    with children([(_LISTEN, str(folder))]) as (child,):
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGKILL)
        child.communicate()
    for name in os.listdir(folder):
        if not name.startswith("bound"):
            os.unlink(folder / name)
    pair[0].subscribe(["queue:a"], lambda: None)
    assert len(os.listdir(folder)) == 2


def test_a_listener_that_hears_nothing_holds_up_nobody(pair, tmp_path):
    with children([(_LISTEN, f"{tmp_path}/a.db-wake")]) as (child,):
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGSTOP)
        for _ in range(2000):
            pair[0].publish(["queue:a"])
        child.send_signal(signal.SIGCONT)


def test_rubbish_in_the_folder_is_passed_over(pair, tmp_path):
    heard = threading.Event()
    pair[1].subscribe(["queue:a"], heard.set)
    folder = tmp_path / "a.db-wake"
    (folder / "queue-file").write_text("")
    (folder / "rubbish").mkdir()
    for data in (b"", b"rubbish", b"\x91\x01", b"\xc1", b"\x90"):
        for name in os.listdir(folder):
            pair[0]._sendto(name, data)
    pair[0].publish(["queue:a"])
    assert heard.wait(10)


def test_a_folder_that_cannot_be_made_costs_only_the_hints_of_others(tmp_path):
    (tmp_path / "a.db-wake").write_text("in the way")
    wake = Wake(f"{tmp_path}/a.db-wake")
    heard = threading.Event()
    wake.subscribe(["queue:a"], heard.set)
    wake.publish(["queue:a"])
    assert heard.is_set()
    wake.close()


def test_a_forked_child_leaves_its_parents_sockets_alone(pair, tmp_path):
    heard = threading.Event()
    pair[1].subscribe(["queue:a"], heard.set)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tried here
        child = os.fork()
    if child == 0:
        try:
            pair[1].forked()
            pair[1].subscribe(["queue:b"], lambda: None)
            pair[1].close()
        finally:
            os._exit(len(os.listdir(tmp_path / "a.db-wake")))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    pair[0].publish(["queue:a"])
    assert heard.wait(10)
