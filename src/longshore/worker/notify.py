"""Telling systemd how we are: the notification protocol of sd_notify(3)."""

from __future__ import annotations

import os
import socket


def notify(**fields: str | int) -> bool:
    """Send ``READY=1`` and the like to the service manager; False: there is none.

    Names and meanings: sd_notify(3). The socket may be in the abstract namespace (it then begins with ``@``).
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    text = "\n".join(f"{name}={value}" for name, value in fields.items())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.sendto(text.encode(), address)
    except OSError:
        return False
    return True


def watchdog_seconds() -> float | None:
    """How often the service manager wants to hear ``WATCHDOG=1``: half of what it waits for; None: it does not."""
    micros, pid = os.environ.get("WATCHDOG_USEC"), os.environ.get("WATCHDOG_PID")
    if not micros or not micros.isdigit() or (pid and pid != str(os.getpid())):
        return None
    return int(micros) / 2_000_000
