"""``manage.py run_huey``: the consumer."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import autodiscover_modules

from longshore.compat.huey.bin.huey_consumer import Consumer, set_up_log
from longshore.compat.huey.djhuey.conf import site
from longshore.errors import LongshoreError


class Command(BaseCommand):
    """Imports the ``commands.py`` (and ``tasks.py``) of every installed app, then runs what is in the queue."""

    help = "Run the commands in the queue until stopped (SIGTERM or Ctrl+C)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "-p", "--periodic", action="store_true", default=None, help="run periodic commands"
        )
        parser.add_argument(
            "-n", "--no-periodic", action="store_false", dest="periodic", help="do not run periodic commands"
        )
        parser.add_argument("-t", "--threads", "-w", "--workers", type=int, help="most commands at once")

    def handle(self, *args: Any, **options: Any) -> None:
        found = site()
        chosen = {"PERIODIC": options["periodic"], "THREADS": options["threads"]}
        said = {key: value for key, value in chosen.items() if value is not None}
        config = type("Configuration", (found.configuration,), said)
        autodiscover_modules("commands", "tasks")
        try:
            consumer = Consumer(found.invoker, config)
            set_up_log(config)
            consumer.run()
        except LongshoreError as error:
            raise CommandError(str(error)) from error
