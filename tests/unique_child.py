"""Many processes that enqueue one key at the same moment: ``URL MODE GO_FILE COUNT``.

Each says ``ready``, waits for the file, and says ``got ID`` or ``refused ID``. They are forked before anything is open: a
hundred imports would take longer than all the rest.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from longshore import App, UniqueConflict


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def ask(number: int) -> None:
    app = App(sys.argv[1])

    @app.task(name="mail")
    def mail(user: int) -> int:
        return user

    app.open()
    say("ready")
    while not Path(sys.argv[3]).exists():
        threading.Event().wait(0.005)
    try:
        say(f"got {mail.using(unique='one', unique_mode=sys.argv[2]).enqueue(number).id}")  # type: ignore[typeddict-item]
    except UniqueConflict as conflict:
        say(f"refused {conflict.holder}")
    app.close()


if __name__ == "__main__":
    children = []
    for n in range(int(sys.argv[4])):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                ask(n)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    sys.exit(max(codes))
