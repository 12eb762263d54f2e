"""Where a SQLite store lives: its URL taken apart and its file checked, before SQLite is asked anything.

Nothing here or anywhere else ever opens the database file: closing such a handle would drop the locks that SQLite holds
on the file in this process, and other processes would then overwrite what it is writing.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from longshore.errors import ConfigError, StoreUnavailable

_SYNCHRONOUS: Final = ("full", "normal")
_MOUNTS: Final = Path("/proc/self/mountinfo")
#: File systems on which SQLite's locks or its shared memory do not reach every process that can see the file.
# fmt: off
_NETWORK: Final = frozenset((
    "nfs", "nfs4", "cifs", "smb", "smb3", "smbfs", "9p", "virtiofs", "afs", "ceph", "lustre", "glusterfs",
    "gfs2", "ocfs2", "beegfs", "gpfs", "ncpfs", "coda", "vboxsf", "prl_fs", "drvfs", "vmhgfs", "fuse.sshfs",
    "fuse.vmhgfs-fuse", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone",
    "fuse.cifs", "fuse.davfs", "fuse.goofys", "fuse.blobfuse", "fuse.blobfuse2", "fuse.juicefs",
    "fuse.mount-s3",
))
# fmt: on


class Location(NamedTuple):
    """The file and how to write to it."""

    path: str
    synchronous: str


def parse(url: str) -> Location:
    """Take ``sqlite:///relative.db`` or ``sqlite:////absolute.db`` apart; ConfigError where it is neither."""
    parts = urlsplit(url)
    path = unquote(parts.path)[1:]
    if parts.netloc:
        raise ConfigError(
            f"{url!r}: a SQLite URL has three slashes for a relative path and four for an absolute one\n"
            f"write sqlite:///{parts.netloc}{parts.path}"
        )
    if path in ("", ":memory:"):
        raise ConfigError(
            f"{url!r} names no file, and a SQLite database in memory cannot be shared by workers\n"
            "write memory:// for a store in this process, or sqlite:///jobs.db for a file"
        )
    if "\0" in path or parts.fragment:
        raise ConfigError(f"{url!r}: the path has a NUL or a '#'; write '#' as %23, and no NUL")
    return Location(path, _options(url, parts.query))


def _options(url: str, query: str) -> str:
    synchronous = "full"
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name != "synchronous":
            raise ConfigError(f"{url!r}: unknown option {name!r}; the only one is synchronous=full|normal")
        if value not in _SYNCHRONOUS:
            raise ConfigError(
                f"{url!r}: synchronous={value!r} is not offered; "
                "full (the default) keeps what was acknowledged through power loss, normal through process death"
            )
        synchronous = value
    return synchronous


def prepare(path: str) -> None:
    """Refuse a place where the file cannot be or be safe; make an empty file only its owner can read, if none is there."""
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise ConfigError(f"the folder of {path!r} is not there\ncreate it: mkdir -p {folder}")
    refuse_network(folder)
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        _create(path, folder)
        return
    except OSError as error:
        raise StoreUnavailable(f"cannot look at {path!r}: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise ConfigError(f"{path!r} is not a file but {_sort(mode)}; name a file in the URL")
    if not os.access(path, os.R_OK | os.W_OK):
        raise StoreUnavailable(
            f"{path!r} cannot be read and written by this user\ngive it: chmod u+rw {path}"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(path, folder)


def _create(path: str, folder: str) -> None:
    try:
        if hasattr(os, "mknod"):
            # Makes the file without opening it, so it cannot close a handle on what another thread has just opened.
            os.mknod(path, stat.S_IFREG | 0o600)
        else:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        if isinstance(error, PermissionError) and not os.access(folder, os.W_OK | os.X_OK):
            raise _unwritable(path, folder) from None
        raise StoreUnavailable(f"cannot create {path!r}: {error.strerror}") from None


def _unwritable(path: str, folder: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"the folder of {path!r} cannot be written by this user; SQLite keeps its -wal and -shm files there\n"
        f"give it: chmod u+wx {folder}   or name another place in the URL"
    )


def _sort(mode: int) -> str:
    for test, name in ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket")):
        if test(mode):
            return name
    return "a device"


def refuse_network(folder: str, mounts: Path = _MOUNTS) -> None:
    """ConfigError where ``folder`` is on a network file system; silent where that cannot be told."""
    found = _file_system(os.path.realpath(folder), mounts)
    if found in _NETWORK:
        raise ConfigError(
            f"{folder!r} is on a network file system ({found}): SQLite's locks do not hold there and jobs could vanish\n"
            "put the file on a disk of this machine; for several machines use a database server"
        )


def _file_system(folder: str, mounts: Path) -> str | None:
    """The type of the file system with the longest mount point above ``folder``; later mounts lie over earlier ones."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    best, found = -1, None
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = (
            fields[4]
            .replace("\\040", " ")
            .replace("\\011", "\t")
            .replace("\\012", "\n")
            .replace("\\134", "\\")
        )
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:
            best, found = len(point), right.split(" ")[0]
    return found
