"""What PostgreSQL raises, as errors of ours: what happened, the value, and what to do, in a few lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from longshore.errors import LongshoreError, SchemaError, StoreError, StoreFull, StoreUnavailable
from longshore.stores.postgres.location import Location

#: Nothing was done and nobody is to blame: the same transaction may go through the next time.
RETRYABLE: Final = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)

#: What a server or the driver says when there is no connection to be had, and what helps.
_CONNECTING: Final[tuple[tuple[str, str], ...]] = (
    ("password authentication failed", "check the user and the password in the URL"),
    ("no password supplied", "put one into the URL (postgresql://user:password@…) or into ~/.pgpass"),
    (r'database "(.*)" does not exist', "create it: createdb {0}"),
    (r'role "(.*)" does not exist', "create it: createuser --pwprompt {0}"),
    ("no pg_hba.conf entry|pg_hba.conf rejects", "let this user and host in: pg_hba.conf on the server"),
    ("too many clients|remaining connection slots", "raise max_connections there, or lower ?pool= here"),
    (
        "unsupported startup parameter",
        "this is a pooler: add ?pooler=transaction to the URL, or connect to the server",
    ),
    ("could not translate host name|Name or service not known", "check the host in the URL"),
    (
        "read-only|not in hot standby|standby",
        "name the primary, or all hosts and &target_session_attrs=read-write",
    ),
    (
        "refused|No such file|timeout|timed out|unreachable",
        "is the server running? try: pg_isready -h HOST -p PORT",
    ),
)


def unreachable(location: Location, error: psycopg.Error) -> StoreUnavailable:
    """No connection could be made."""
    said = _first_line(error)
    advice = "try the same with: psql URL"
    for pattern, text in _CONNECTING:
        found = re.search(pattern, str(error))
        if found:
            advice = text.format(*found.groups())
            break
    return StoreUnavailable(f"cannot connect to {location.url}\n{said}\n{advice}")


def translated(location: Location, error: psycopg.Error) -> LongshoreError:
    """Our error for one of a statement's."""
    for kinds, make in _KINDS:
        if isinstance(error, kinds):
            return make(location, error)
    return StoreError(f"{location.url}: {_first_line(error)}")


def forbidden(location: Location, error: psycopg.Error) -> SchemaError:
    """The role lacks a right."""
    said = f"{location.url}: {_first_line(error)}"
    if "for database" in said:
        return SchemaError(
            f"{said}\n"
            f'there are no tables of Longshore in schema "{location.schema}", and to make them a role needs '
            "CREATE on the database\n"
            "let one that has it do so: longshore migrate --url URL   (or its administrator: longshore migrate --plan)"
        )
    role = conninfo_to_dict(location.conninfo).get("user") or "ROLE"
    return SchemaError(
        f"{said}\n"
        "let the owner of the tables give the role its rights; these two print the GRANT statements:\n"
        f"to work:     longshore migrate --url URL --grants work {role}\n"
        f"to enqueue:  longshore migrate --url URL --grants enqueue {role}"
    )


def _missing(location: Location, error: psycopg.Error) -> SchemaError:
    return SchemaError(
        f"{location.url}: {_first_line(error)}\n"
        f'the tables of schema "{location.schema}" are gone or not complete\n'
        "restore them from a backup; or give up the jobs that are left and begin anew:\n"
        f"""psql URL -c 'DROP SCHEMA "{location.schema}" CASCADE', then: longshore migrate"""
    )


def _foreign(location: Location, error: psycopg.Error) -> SchemaError:
    return SchemaError(
        f"{location.url}: {_first_line(error)}\n"
        f'schema "{location.schema}" holds it, but not the table "meta" that says the tables are Longshore\'s\n'
        "name another schema, which longshore migrate makes: ?schema=NAME in the URL"
    )


def _read_only(location: Location, error: psycopg.Error) -> StoreUnavailable:
    return StoreUnavailable(
        f"{location.url} cannot be written: {_first_line(error)}\n"
        "it is a standby, or set read-only: name the primary, or all hosts and &target_session_attrs=read-write"
    )


def _full(location: Location, error: psycopg.Error) -> StoreFull:
    return StoreFull(
        f"no room left on the disk of {location.url}: {_first_line(error)}\n"
        "what was not acknowledged was not stored; make room and try again"
    )


def _late(location: Location, error: psycopg.Error) -> StoreUnavailable:
    return StoreUnavailable(
        f"{location.url} did not answer in time: {_first_line(error)}\n"
        "a lock held by a long transaction, perhaps (look at pg_stat_activity); ?deadline= sets the time, in seconds"
    )


def _pooled(location: Location, error: psycopg.Error) -> StoreUnavailable:
    return StoreUnavailable(
        f"{location.url}: {_first_line(error)}\n"
        "a pooler gives each transaction another session: add ?pooler=transaction to the URL, or connect to the server"
    )


def _refused(location: Location, error: psycopg.Error) -> StoreError:
    return StoreError(f"{location.url}: {_first_line(error)}")


def _away(location: Location, error: psycopg.Error) -> StoreUnavailable:
    return StoreUnavailable(f"the connection to {location.url} was lost: {_first_line(error)}")


_errors: Final = psycopg.errors
_KINDS: Final[
    tuple[tuple[tuple[type[psycopg.Error], ...], Callable[[Location, psycopg.Error], LongshoreError]], ...]
] = (
    ((_errors.InsufficientPrivilege,), forbidden),
    ((_errors.UndefinedTable, _errors.InvalidSchemaName, _errors.UndefinedColumn), _missing),
    ((_errors.DuplicateTable,), _foreign),
    ((_errors.ReadOnlySqlTransaction,), _read_only),
    ((_errors.DiskFull,), _full),
    # The driver counts these among what passes by itself.
    ((_errors.ProgramLimitExceeded, _errors.StatementTooComplex), _refused),
    ((_errors.QueryCanceled, _errors.LockNotAvailable, *RETRYABLE), _late),
    ((_errors.InvalidSqlStatementName, _errors.DuplicatePreparedStatement), _pooled),
    ((psycopg.OperationalError, psycopg.InterfaceError), _away),
)


def _first_line(error: psycopg.Error) -> str:
    """What was said, without the hints and places that follow it."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
