"""What a consumer is told, and what it says of what it is told wrongly."""

import logging
import sys

import pytest

from longshore.compat.huey.backends.dummy import DummyQueue
from longshore.compat.huey.bin.config import BaseConfiguration
from longshore.compat.huey.bin.huey_consumer import Consumer, load_config, main
from longshore.compat.huey.exceptions import ConfigurationError, QueueException
from longshore.compat.huey.imports import Imports
from longshore.compat.huey.queue import Invoker
from longshore.compat.huey.registry import registry

MODULE = """
from longshore.compat.huey.backends.dummy import DummyQueue
from longshore.compat.huey.bin.config import BaseConfiguration
class Configuration(BaseConfiguration):
    QUEUE = DummyQueue("q")
class Empty(BaseConfiguration):
    pass
other = 5
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = set(sys.modules)
    (tmp_path / "huey_main.py").write_text(MODULE)
    (tmp_path / "huey_bad.py").write_text("import no_such_thing\n")
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("huey_"):
            del sys.modules[name]


def test_the_defaults():
    of = BaseConfiguration
    assert (of.QUEUE, of.RESULT_STORE, of.TASK_STORE, of.PERIODIC, of.THREADS) == (None, None, None, False, 1)
    assert (of.LOGFILE, of.LOGLEVEL) == (None, logging.INFO)
    assert (of.BACKOFF, of.INITIAL_DELAY, of.MAX_DELAY, of.UTC) == (1.15, 0.1, 10, True)


def test_load_config(folder):
    assert load_config("huey_main.Configuration").QUEUE.name == "q"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("Configuration", "write: main.Configuration"),
        ("huey_nowhere.Configuration", 'Unable to import "huey_nowhere"'),
        ("huey_main.Configuratoin", 'Missing module-level "Configuratoin".*did you mean "Configuration"'),
        ("huey_main.other", "no subclass of BaseConfiguration"),
        ("huey_main.py:Configuration", "no path to a configuration"),
        ("huey_main.Empty", "has no QUEUE"),
        (None, "missing required parameter"),
    ],
)
def test_a_path_that_leads_nowhere(folder, capsys, path, says):
    assert main([] if path is None else [path]) == 1
    found = capsys.readouterr().err
    assert len(found.splitlines()) <= 4
    with pytest.raises(ConfigurationError, match=says):
        raise ConfigurationError(found)


def test_a_configuration_that_fails_to_import_says_so_itself(folder):
    with pytest.raises(ModuleNotFoundError, match="no_such_thing"):
        load_config("huey_bad.Configuration")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"THREADS": 0}, "at least 1"),
        ({"THREADS": "4"}, "THREADS must be int"),
        ({"PERIODIC": "yes"}, "PERIODIC must be bool"),
        ({"PERIODC": True}, 'did you mean "PERIODIC"'),
        ({"PACKAGES": "shop"}, r"PACKAGES = \['shop'\]"),
        ({"BACKOFF": 0.5}, "at least 1"),
    ],
)
def test_a_setting_that_cannot_work(settings, says):
    with pytest.raises(ConfigurationError, match=says):
        Consumer(Invoker(DummyQueue("q")), type("Configuration", (BaseConfiguration,), settings))


def test_a_consumer_of_nothing():
    with pytest.raises(ConfigurationError, match="Invoker"):
        Consumer(DummyQueue("q"), BaseConfiguration)


def test_local_time_is_known_to_the_queue():
    queue = DummyQueue("q")
    type("Configuration", (BaseConfiguration,), {"QUEUE": queue, "UTC": False})
    assert queue.utc is False
    assert Invoker(queue).utc is False


def test_where_modules_are_imported_from(folder):
    (folder / "huey_shop").mkdir()
    (folder / "huey_shop" / "__init__.py").touch()
    (folder / "huey_shop" / "deep.py").touch()
    (folder / "huey_side.py").touch()
    beside = Imports(None, lambda: {"huey_main"})
    assert beside.allow("huey_side")
    assert beside.allow("huey_main")
    for module in (
        "os",
        "json.tool",
        "this",
        "antigravity",
        "huey_shop",
        "huey_shop.deep",
        "pytest",
        "",
        "..",
        "__main__",
    ):
        assert not beside.allow(module), module
    inside = Imports(None, lambda: {"huey_shop.orders"})
    assert inside.allow("huey_shop.deep")
    assert not inside.allow("huey_shopping")
    assert not inside.allow("huey_side")
    named = Imports(["huey_shop.deep"])
    assert named.allow("huey_shop.deep")
    assert not named.allow("huey_shop")
    assert not Imports(()).allow("huey_main")


def test_one_attempt_a_module(folder):
    (folder / "huey_once.py").write_text(
        "with open('tried', 'a') as file:\n    file.write('x')\nraise RuntimeError('broken')\n"
    )
    for _ in range(3):
        with pytest.raises(QueueException, match=r"not found in CommandRegistry.*broken"):
            registry.get_command_class("huey_once.queuecmd_x", Imports(["huey_once"]))
    assert (folder / "tried").read_text() == "x"
    with pytest.raises(QueueException, match=r'PACKAGES = \["huey_other"\]'):
        registry.get_command_class("huey_other.queuecmd_x", Imports(["huey_once"]))
