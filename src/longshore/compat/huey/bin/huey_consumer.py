"""The consumer: runs what is in the queue."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from logging.handlers import RotatingFileHandler
from typing import Any, Final

from longshore.compat.huey.backends.store import StoreQueue
from longshore.compat.huey.bin.config import BaseConfiguration, check
from longshore.compat.huey.bin.telling import Telling
from longshore.compat.huey.commands import Commands
from longshore.compat.huey.exceptions import ConfigurationError
from longshore.compat.huey.intake import Intake
from longshore.compat.huey.queue import Invoker
from longshore.compat.huey.registry import is_periodic, name_of, registry
from longshore.errors import LongshoreError
from longshore.schedules import as_schedule
from longshore.suggest import did_you_mean
from longshore.worker.service import serve
from longshore.worker.worker import Worker

log: Final = logging.getLogger("huey.consumer.logger")
_MINUTE: Final = timedelta(minutes=1)


class Consumer:
    """Runs the commands of an invoker's queue, as a configuration says.

    ``start()`` … ``stop()`` in a program of yours; ``run()`` in the main thread of a process of its own. A queue of ours is
    served by a worker of its store, with all that this promises; one of your own is read into memory first.

    ConfigurationError: a setting that cannot work.
    """

    def __init__(self, invoker: Invoker, config: Any = BaseConfiguration) -> None:
        if not isinstance(invoker, Invoker):
            raise ConfigurationError(f"Consumer takes an Invoker first, not {invoker!r:.80}")
        check(config)
        self.invoker = invoker
        self.config = config
        queue = invoker.queue
        self.ours = isinstance(queue, StoreQueue)
        self.commands: Commands = queue.commands if self.ours else Commands("own", "memory://")
        self._worker: Worker | None = None
        self._intake: Intake | None = None

    def start(self) -> None:
        """Begin to work, and return. StoreError: the store cannot be opened."""
        worker = self._prepared()
        if self._intake is not None:
            self._intake.start()
        worker.start()

    def stop(self) -> None:
        """Take no more commands, wait for those that run (at most ``DRAIN`` seconds), and return."""
        worker, self._worker = self._worker, None
        if worker is not None:
            self._hush()
            worker.stop()
            worker.join()
            self._finish()

    def run(self) -> None:
        """Work until SIGTERM or SIGINT: the first one stops as `stop` does, the second gives back what runs at once."""
        worker = self._prepared()
        if self._intake is not None:
            self._intake.start()
        try:
            serve(worker, signalled=lambda count: self._hush())
        finally:
            self._worker = None
            self._hush()
            self._finish()

    def _prepared(self) -> Worker:
        if self._worker is not None:
            raise ConfigurationError("this consumer runs already")
        self._learn()
        app, threads = self.commands.app, self._setting("THREADS")
        if not self.ours:
            self._intake = Intake(
                self.invoker.queue,
                self.commands,
                threads,
                *(self._setting(name) for name in ("INITIAL_DELAY", "BACKOFF", "MAX_DELAY")),
            )
        ended = self._intake.ended if self._intake is not None else None
        self._worker = Worker(
            app,
            queues=(self.commands.queue,),
            concurrency=threads,
            drain_timeout=self._setting("DRAIN"),
            observer=Telling(self.commands, ended),
        )
        app.open()
        log.info("huey consumer on %r with %d threads, pid %d", self.invoker.queue, threads, os.getpid())
        return self._worker

    def _learn(self) -> None:
        """Make tasks of all commands known by now, and schedules of the periodic ones."""
        commands, periodic = self.commands, self._setting("PERIODIC")
        commands.host = self.invoker
        commands.imports = self.invoker.imports
        commands.imports.packages = self._setting("PACKAGES")
        self.invoker.sources |= {_module(self.config)} - {BaseConfiguration.__module__}
        names = []
        for name in registry:
            found = registry.find(name)
            if found is None or not self.invoker.serves(found):
                continue
            names.append(name)
            task = commands.learn(found)
            if periodic and is_periodic(found) and name not in commands.app.schedules.declared:
                rule = as_schedule(self._rule(found))
                commands.app.schedules.declare(task, rule, catch_up="latest", bound=_MINUTE)
        log.info("registered commands: %s", ", ".join(names) or "none")

    def _rule(self, found: type[Any]) -> Any:
        """What is asked of every minute."""
        name, utc = name_of(found), self._setting("UTC")

        def minutes(when: datetime) -> object:
            local = when if utc else when.astimezone()
            return self.commands.named(name)().validate_datetime(local.replace(tzinfo=None))

        minutes.__qualname__ = name
        return minutes

    def _hush(self) -> None:
        if self._intake is not None:
            self._intake.stop()

    def _finish(self) -> None:
        intake, self._intake = self._intake, None
        if intake is not None:
            intake.finish()
        log.info("huey consumer stopped")

    def _setting(self, name: str) -> Any:
        return getattr(self.config, name, getattr(BaseConfiguration, name))


def load_config(path: str) -> Any:
    """The configuration at ``module.Class``, found from the current folder too. ConfigurationError: says what is missing."""
    module, dot, name = path.rpartition(".")
    if not dot or not all(part.isidentifier() for part in path.split(".")):
        raise ConfigurationError(
            f'"{path}" is no path to a configuration. For class Configuration in main.py write: main.Configuration'
        )
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module != missing and not module.startswith(f"{missing}."):
            raise
        raise ConfigurationError(
            f'Unable to import "{module}": there is no module "{missing}" (looked in {os.getcwd()} and Python\'s path)'
        ) from None
    if not hasattr(found, name):
        known = [key for key, value in vars(found).items() if _is_configuration(value)]
        hint = (
            f"it has: {', '.join(known)}" if known else "write in it: class Configuration(BaseConfiguration)"
        )
        raise ConfigurationError(
            f'Missing module-level "{name}" in "{module}"; {hint}{did_you_mean(name, known)}'
        )
    config = getattr(found, name)
    if not _is_configuration(config):
        raise ConfigurationError(f"{path} is {config!r:.80}, no subclass of BaseConfiguration")
    return config


def invoker_of(config: Any) -> Invoker:
    """An invoker for what a configuration names. ConfigurationError: it names no queue."""
    if config.QUEUE is None:
        raise ConfigurationError(f"{config.__name__} has no QUEUE: write QUEUE = queue in it")
    return Invoker(config.QUEUE, config.RESULT_STORE, config.TASK_STORE)


def main(arguments: Sequence[str] | None = None) -> int:
    """``longshore-huey-consumer main.Configuration``: 0 after a clean end, 1 if it cannot start."""
    parser = argparse.ArgumentParser(
        prog="longshore-huey-consumer", description="Run the commands of a queue until stopped."
    )
    parser.add_argument(
        "configuration", nargs="?", help="path to the configuration class: main.Configuration"
    )
    path = parser.parse_args(arguments).configuration
    try:
        if path is None:
            raise ConfigurationError(
                "Error, missing required parameter config.module: longshore-huey-consumer main.Configuration"
            )
        config = load_config(path)
        check(config)
        set_up_log(config)
        consumer = Consumer(invoker_of(config), config)
        _print_at_once()
        consumer.run()
    except LongshoreError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def set_up_log(config: Any) -> None:
    """Its log into ``LOGFILE``, or to standard error."""
    handler: logging.Handler
    if config.LOGFILE is None:
        handler = logging.StreamHandler()
    else:
        handler = RotatingFileHandler(config.LOGFILE, maxBytes=1024 * 1024, backupCount=3)
    form = logging.Formatter("%(threadName)s %(asctime)s %(name)s %(levelname)s %(message)s")
    form.converter = time.gmtime if config.UTC else time.localtime
    handler.setFormatter(form)
    for name in ("huey.consumer.logger", "longshore"):
        logger = logging.getLogger(name)
        logger.setLevel(config.LOGLEVEL)
        logger.addHandler(handler)


def _print_at_once() -> None:
    """What commands print is seen when they print it, into a pipe too."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)


def _is_configuration(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseConfiguration) and value is not BaseConfiguration


def _module(config: Any) -> str:
    return str(config.__module__ if isinstance(config, type) else type(config).__module__)


if __name__ == "__main__":
    sys.exit(main())
