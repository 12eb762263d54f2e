"""A worker as a service: what systemd hears, what signals do, what a dead internal thread comes to."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from zoo_place import Zoo

from longshore.testing.waiting import until
from longshore.worker.notify import notify, watchdog_seconds


class Manager:
    """What the service manager would hear."""

    def __init__(self, folder: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.address = str(folder / "n")
        self.socket.bind(self.address)
        self.socket.settimeout(20)
        self.heard: list[str] = []

    def hear(self, start: str) -> str:
        while True:
            text = self.socket.recv(4096).decode()
            self.heard.append(text)
            if text.startswith(start):
                return text


@pytest.fixture
def manager(tmp_path: Path):  # type: ignore[no-untyped-def]
    manager = Manager(tmp_path)
    yield manager
    manager.socket.close()


def test_a_worker_tells_the_service_manager(zoo_of: Zoo, manager: Manager) -> None:
    env = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "100000"}
    program = zoo_of.program("serve_child.py", **env)
    assert "STATUS=worker " in manager.hear("READY=1")
    manager.hear("WATCHDOG=1")
    [job] = zoo_of.enqueue("zoo.hold")
    until(lambda: zoo_of.begun(job), "its run")
    program.signal(signal.SIGTERM)
    manager.hear("STOPPING=1")
    manager.hear("WATCHDOG=1")  # it is well while it drains
    zoo_of.go.touch()
    assert program.end() == 0


def test_the_supervisor_tells_the_service_manager(zoo_of: Zoo, manager: Manager) -> None:
    program = zoo_of.program("fleet_child.py", NOTIFY_SOCKET=manager.address, WATCHDOG_USEC="100000")
    assert "STATUS=2 workers" in manager.hear("READY=1\nSTATUS=2")
    manager.hear("WATCHDOG=1")
    program.line("worker fleet:")
    program.signal(signal.SIGTERM)
    manager.hear("STOPPING=1")
    program.end()


def test_without_a_service_manager_nothing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify(READY=1)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify(READY=1)


def test_an_abstract_socket_and_whose_watchdog_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"longshore-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        assert notify(READY=1, STATUS="fine")
        assert listening.recv(100) == b"READY=1\nSTATUS=fine"
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    assert watchdog_seconds() == 1.5
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert watchdog_seconds() is None


@pytest.mark.parametrize("point", ["renew.before", "settle.before"])
def test_a_dead_internal_thread_ends_the_process_with_an_error(zoo_of: Zoo, point: str) -> None:
    program = zoo_of.program("serve_child.py", point)
    assert program.end() == 1
    assert "an internal thread failed" in program.output
    assert "WorkerError" in program.output


def test_many_signals_at_once_are_no_more_than_two(zoo_of: Zoo) -> None:
    program = zoo_of.program("serve_child.py")
    [job] = zoo_of.enqueue("zoo.hold")
    until(lambda: zoo_of.begun(job), "its run")
    for number in [signal.SIGTERM, signal.SIGINT] * 50:
        program.signal(number)
    assert program.end() == 0
    record = zoo_of.app.job(job).record
    assert (record.state, record.failures, record.crashes) in [("queued", 0, 0), ("succeeded", 0, 0)]


def test_a_signal_during_start_up_is_not_forgotten(zoo_of: Zoo) -> None:
    program = zoo_of.program("serve_child.py", "slow start")
    program.line("starting")
    program.signal(signal.SIGTERM)
    program.line("heard")
    assert program.end() == 0
