"""The three files of huey's page about imports, as it prints them, with real consumers."""

import os
import signal
import subprocess
import sys

import pytest

from longshore.testing.processes import Program
from longshore.testing.waiting import until

CONFIG = """
from longshore.compat.huey.bin.config import BaseConfiguration
from longshore.compat.huey.queue import Invoker

invoker = Invoker(queue, result_store=result_store)

class Configuration(BaseConfiguration):
    QUEUE = queue
"""

COMMANDS = """
from longshore.compat.huey.decorators import queue_command

from config import invoker # import the invoker we instantiated in config.py

@queue_command(invoker)
def count_beans(num):
    print('Counted %s beans' % num)
"""

MAIN = """
from config import Configuration # import the configuration class
from commands import count_beans # import any commands


if __name__ == '__main__':
    beans = input('How many beans? ')
    count_beans(int(beans))
    print('Enqueued job to count %s beans' % beans)
"""

LATE = """
from config import invoker
from longshore.compat.huey.decorators import queue_command

@queue_command(invoker)
def late(num):
    print('late %s' % num)
    return num
"""


class Place:
    """A folder with the three files."""

    def __init__(self, folder, backends):
        self.folder = folder
        self.write("config.py", backends.lines + CONFIG)
        self.write("commands.py", COMMANDS)
        self.write("main.py", MAIN)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def consumer(self, path="main.Configuration"):
        code = (
            f"import os, sys; os.chdir({str(self.folder)!r}); "
            "from longshore.compat.huey.consumer import main; sys.exit(main(sys.argv[1:]))"
        )
        return Program("-W", "error", "-c", code, path)

    def run(self, *arguments, text=""):
        done = subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=self.folder, input=text, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def url(request):
    """Those that several processes share."""
    from servers import postgres
    from servers.shared import in_namespace

    folder = request.getfixturevalue("tmp_path")
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'jobs.db'}"
    return (
        in_namespace(str(folder)) if request.param == "redis" else postgres.place(f"t{os.urandom(8).hex()}")
    )


@pytest.fixture
def place(tmp_path, backends):
    return Place(tmp_path, backends)


def test_b1_b2_b3_the_three_files(place, backends):
    place.write("late.py", LATE)
    with place.consumer() as consumer:
        assert "commands.queuecmd_count_beans" in _line(consumer, "registered commands")
        out = place.run("main.py", text="5\n")
        assert out == "How many beans? Enqueued job to count 5 beans\n"
        consumer.line("Counted 5 beans")
        # What the consumer cannot know: it says so, keeps it, and goes on.
        # And after it a command of a module beside the others, which nobody has imported yet.
        unreachable = LATE.replace("late", "unreachable") + "\nunreachable(1)\n"
        late = "from late import late; print(late(3).get(blocking=True, timeout=20))"
        assert place.run("-c", unreachable + late) == "3\n"
        _line(consumer, "__main__.queuecmd_unreachable not found in CommandRegistry")
        assert "queue exception" in consumer.output
        assert "Traceback" in consumer.output
        consumer.line("late 3")
        assert len(backends.queue) == 1
        consumer.signal(signal.SIGINT)
        assert consumer.end() == 0


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # what is imported is no matter of the store
def test_b2_by_hand(place):
    """Without a consumer: the folder of the configuration is known, a module elsewhere is not imported."""
    place.write("late.py", LATE)
    place.write("elsewhere/away.py", "open('imported', 'w').close()\n" + LATE.replace("late", "away"))
    place.run(
        "-c",
        "from late import late; late(3); import sys; sys.path.append('elsewhere'); from away import away; away(4)",
    )
    (place.folder / "imported").unlink()
    out = place.run(
        "-c",
        "import sys; sys.path.append('elsewhere')\n"
        "from config import invoker\n"
        "from longshore.compat.huey.exceptions import QueueException\n"
        "invoker.execute(invoker.dequeue())\n"
        "try: invoker.dequeue()\n"
        "except QueueException as error: print(error)\n"
        "print(len(invoker.queue))\n",
    )
    assert out.startswith("late 3\naway.queuecmd_away not found in CommandRegistry")
    assert out.endswith("\n1\n")
    assert not (place.folder / "imported").exists()


def test_a_killed_consumer_loses_nothing_and_a_stopping_one_finishes(place, tmp_path):
    gate = tmp_path / "gate"
    config = (tmp_path / "config.py").read_text()
    place.write("config.py", config + "\nqueue.app.lease, queue.app.sweep = 0.5, 0.1\n")
    place.write(
        "commands.py",
        COMMANDS
        + f"""
import os, time
@queue_command(invoker)
def work(num):
    print('began %s' % num)
    while not os.path.exists({str(gate)!r}):
        time.sleep(0.01)
    print('ended %s' % num)
    return num
""",
    )
    with place.consumer() as first:
        place.run("-c", "from commands import work; work(1)")
        first.line("began 1")
        first.signal(signal.SIGKILL)
        first.end()
    with place.consumer() as second:
        second.line("began 1")
        second.signal(signal.SIGTERM)
        _line(second, "1 commands still run")
        gate.touch()
        assert second.end() == 0
        assert "ended 1" in second.output.splitlines()


def _line(consumer, part):
    """The first line with this in it."""
    return until(
        lambda: next((line for line in list(consumer.lines) if part in line), None),
        f"{part!r} in what it writes, but there is only:\n{consumer.output}",
    )
