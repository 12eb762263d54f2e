"""One Valkey for a whole test session, whichever of its processes asks first; the last to end stops it."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import signal
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from servers.valkey import URL_VARIABLE, Valkey


@cache
def redis_url() -> str:
    """``LONGSHORE_TEST_REDIS_URL``, or the session's own server."""
    given = os.environ.get(URL_VARIABLE)
    if given:
        return given
    # The processes of one pytest-xdist session have this in common; without it there is one process.
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir()) / f"lsv-{session[:12]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    server = Valkey(folder)
    with (folder / "starting").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not (folder / "pid").exists():
            server.start()
            (folder / "pid").write_text(str(server.pid))
    # Held until this process ends, in whatever way.
    lock = os.open(folder / "users", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    atexit.register(_leave, lock, folder, server, os.getpid())
    return server.url


def in_namespace(folder: str) -> str:
    """A place of its own on that server."""
    url = redis_url()
    return f"{url}{'&' if '?' in url else '?'}namespace={folder}"


def _leave(lock: int, folder: Path, server: Valkey, owner: int) -> None:
    if os.getpid() != owner:  # a forked child
        return
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if server.started:
            server.stop()
        else:
            with suppress(ProcessLookupError):
                os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
        shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)
