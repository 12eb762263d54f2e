"""The driver's errors as ours: what happened, where, and what to do about it."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from redis import exceptions

from longshore.errors import ConfigError, LongshoreError, StoreError, StoreFull, StoreUnavailable
from longshore.stores.redis.location import NAMESPACE

#: what a server says while it is not itself, or no longer who we took it for: the same call may succeed later, elsewhere
_PASSING: Final = (
    "READONLY", "LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "NOREPLICAS", "UNKILLABLE",
    "MISCONF", "UNBLOCKED",
)  # fmt: skip


def ours(error: Exception, url: str) -> LongshoreError:
    """What to raise instead of this."""
    said = _said(error)
    if isinstance(error, exceptions.OutOfMemoryError) or said.startswith(
        ("OOM", "command not allowed when used memory")
    ):
        return _full(url)
    if isinstance(error, exceptions.AuthenticationError | exceptions.AuthorizationError) or _denied(said):
        return _login(url, said)
    if isinstance(error, exceptions.NoPermissionError) or said.startswith("NOPERM"):
        return _forbidden(url, said)
    if "DB index is out of range" in said or "SELECT is not allowed" in said:
        return ConfigError(
            f"{url!r}: this server has no database of that number\n"
            "use database 0, and ?namespace=NAME to keep things apart"
        )
    if isinstance(error, exceptions.TimeoutError):
        speaks = " and speaks TLS there" if url.startswith(("rediss", "valkeys")) else ""
        return StoreUnavailable(
            f"{url!r} did not answer in time; see that the server runs{speaks}, or raise ?timeout=SECONDS"
        )
    if isinstance(error, exceptions.ReadOnlyError) or "READONLY" in said:
        return read_only(url)
    if isinstance(
        error, exceptions.ClusterError | exceptions.AskError | exceptions.TryAgainError
    ) or _passing(said):
        moving = isinstance(error, exceptions.TryAgainError) or type(error) is exceptions.AskError
        why = "its slot is moving to another node" if moving else _first(said)
        return StoreUnavailable(f"{url!r} cannot serve now: {why}{_remedy(said)}")
    if isinstance(error, exceptions.ConnectionError | OSError | exceptions.MaxConnectionsError):
        return _tls(url, said) or StoreUnavailable(
            f"{url!r} cannot be reached: {_first(said)}\nsee that the server runs there{_hung_up(url, said)}"
        )
    if "WRONGTYPE" in said:
        return StoreError(
            f"{url!r}: keys of this namespace hold something else\nchoose another with ?namespace=NAME"
        )
    return StoreError(f"{url!r} refused: {_first(said)}")


#: what helps, by how the server begins
_REMEDIES: Final = {
    "LOADING": "it reads its files after a start; wait, and look how far it is: redis-cli INFO persistence",
    "MISCONF": "it cannot write its files, so it takes no jobs; most often its disk is full: redis-cli INFO persistence",
    "NOREPLICAS": "fewer replicas follow than min-replicas-to-write says; bring them back: redis-cli INFO replication",
    "CLUSTERDOWN": "some of the cluster's slots have no server; look which: redis-cli CLUSTER INFO",
    "MASTERDOWN": "it is a replica whose primary is away; look: redis-cli INFO replication",
    "BUSY": "a script keeps it; wait, or end it: redis-cli SCRIPT KILL",
}


def _remedy(said: str) -> str:
    found = _REMEDIES.get(said.split(" ", 1)[0].rstrip(":"))
    return "" if found is None else f"\n{found}"


def read_only(url: str) -> StoreUnavailable:
    """The server is a replica."""
    return StoreUnavailable(
        f"{url!r} is a read-only replica: jobs are written to the primary\n"
        "name the primary, or let Sentinel find it: redis+sentinel://HOST1,HOST2/NAME"
    )


def not_copied(url: str, copies: int, replicas: int) -> StoreUnavailable:
    """Jobs are stored, but in fewer places than they must be."""
    return StoreUnavailable(
        f"{url!r}: the jobs are stored, but only {copies} of {replicas} replicas had them in time\n"
        "a failover could lose them; storing them again is safe\n"
        "see that replicas follow: redis-cli INFO replication   or lower ?replicas="
    )


def _tls(url: str, said: str) -> LongshoreError | None:
    """What is wrong between the certificates of both sides."""
    if "CERTIFICATE_VERIFY_FAILED" in said:
        why = said.partition("certificate verify failed: ")[2].split(" (_ssl", 1)[0] or "it is not trusted"
        return ConfigError(
            f"{url!r}: the certificate of the server is not accepted: {why}\n"
            "name who signed it: ?ssl_ca_certs=FILE   and write the host as the certificate has it"
        )
    if "CERTIFICATE_REQUIRED" in said or "HANDSHAKE_FAILURE" in said or "UNKNOWN_CA" in said:
        return ConfigError(
            f"{url!r}: the server wants a certificate of ours that it trusts: {_first(said)}\n"
            "name it: ?ssl_certfile=FILE&ssl_keyfile=FILE"
        )
    if "WRONG_VERSION_NUMBER" in said or "RECORD_LAYER_FAILURE" in said:
        return ConfigError(f"{url!r}: no TLS is spoken there\nwrite redis:// instead of rediss://")
    return None


def _hung_up(url: str, said: str) -> str:
    """What a server may have missed that closed the connection without a word."""
    if "closed by server" not in said and "reset by peer" not in said:
        return ""
    if not url.startswith(("rediss", "valkeys")):
        return ", and whether it wants TLS: rediss://…"
    return (
        ""
        if "ssl_certfile=" in url
        else ", and whether it wants a certificate: ?ssl_certfile=FILE&ssl_keyfile=FILE"
    )


def _said(error: Exception) -> str:
    said = str(error) or type(error).__name__
    # Where the server says LOADING, the driver takes the word away.
    return f"LOADING {said}" if isinstance(error, exceptions.BusyLoadingError) else said


def _first(said: str) -> str:
    return said.splitlines()[0][:300]


def _passing(said: str) -> bool:
    return said.split(" ", 1)[0].rstrip(":") in _PASSING or "READONLY" in said


def _denied(said: str) -> bool:
    return said.startswith(("NOAUTH", "WRONGPASS", "invalid password", "Authentication required"))


def _full(url: str) -> StoreFull:
    return StoreFull(
        f"{url!r} has used all the memory it may use: no new jobs can be stored, those stored still run\n"
        "give it more: redis-cli CONFIG SET maxmemory BYTES   or keep finished jobs for a shorter time (keep=)"
    )


def _login(url: str, said: str) -> ConfigError:
    return ConfigError(
        f"{url!r}: the server does not accept this user or password: {_first(said)}\n"
        "write them as redis://USER:PASSWORD@HOST, or redis://:PASSWORD@HOST without a user; "
        "percent-encode what is no letter or digit"
    )


def _forbidden(url: str, said: str) -> ConfigError:
    return ConfigError(
        f"{url!r}: this user may not do what a store must: {_first(said)}\n"
        f"allow it: ACL SETUSER NAME {_rights(url)}"
    )


def _rights(url: str) -> str:
    """What a user needs, as ACL SETUSER takes it."""
    # The address alone: a path of a Unix socket may hold anything but a question mark.
    namespace = dict(parse_qsl(url.partition("?")[2])).get("namespace", NAMESPACE)
    return f"~{{{namespace}}}:* &{{{namespace}}}:* +@all -@dangerous +info"


def unheard(url: str, error: Exception) -> str | None:
    """A sentence for the log where this means that hints are not allowed; None: it means something else."""
    said = _said(error)
    if not (isinstance(error, exceptions.NoPermissionError) or said.startswith("NOPERM")):
        return None
    return (
        f"{url}: hints between processes are not allowed, jobs are found by looking once a second: {_first(said)}; "
        f"allow them: ACL SETUSER NAME {_rights(url)}"
    )


def in_use(error: LongshoreError) -> LongshoreError:
    """As `ours`, for a store that worked before: what was right once may be right again, so callers try again."""
    return StoreUnavailable(str(error)) if isinstance(error, ConfigError) else error
