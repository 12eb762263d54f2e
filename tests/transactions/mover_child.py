"""A process that moves the outbox, or enqueues in a transaction, and is killed on the way.

``mover_child.py move STORE OUTBOX LEDGER POINT HIT`` or ``mover_child.py enqueue|straight STORE OUTBOX LEDGER KIND PLACE``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from longshore import App
from longshore.testing import failpoints
from longshore.testing.ledger import Ledger


def app_at(store: str, outbox: str | None, ledger: str) -> App:
    app = App(store, outbox=outbox, lease=2, sweep=0.2)
    written = Ledger(ledger)

    @app.task(name="count", keep=0)
    def count(number: int) -> None:
        written.begun(str(number), 1)

    return app


def counted(number: int) -> None:
    """Never run here."""


async def enqueue(app: App, kind: str, place: str) -> None:
    from transactions.doors import opener

    database = "sqlite" if place.startswith("/") else "postgresql"
    async with opener(database, kind)(place) as door:
        await door.enqueue(app.tasks["count"], 1)
        await door.commit()
        await door.enqueue(app.tasks["count"], 2)
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    what, store, outbox, ledger, *rest = sys.argv[1:]
    app = app_at(store, outbox, ledger)
    if what in ("enqueue", "straight"):
        if what == "straight":
            app = App(store)
            app.task(name="count", keep=0)(counted)
        asyncio.run(enqueue(app, *rest))
        return
    point, hit = rest
    failpoints.install(point, failpoints.kill, skip=int(hit) - 1)
    assert app.outbox is not None
    while True:
        app.outbox.move()


if __name__ == "__main__":
    main()
