"""Where a PostgreSQL store is: its URL taken apart. What is not ours goes to the driver as it is."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from longshore.errors import ConfigError
from longshore.stores.address import masked, unencoded

DEFAULT_SCHEMA: Final = "longshore"
#: Of an identifier; the server cuts longer ones off without a word.
_LONGEST_NAME: Final = 63
_SECRETS: Final = ("password", "sslpassword", "passfile")
#: Ours, each with what it may be.
_OPTIONS: Final[dict[str, str]] = {
    "schema": r"(?s)[^\0]+",
    "pooler": "none|transaction",
    "pool": r"[1-9]\d{0,2}",
    "deadline": r"\d{1,4}(\.\d+)?",
    "migrate": "missing|always|never",
}
_MEANT: Final = {
    "schema": "the name of a schema, at most 63 bytes",
    "pooler": "transaction, behind a pooler that lends a connection for one transaction",
    "pool": "the most connections of this process, 1 to 999",
    "deadline": "seconds after which a statement is given up",
    "migrate": "missing (tables are made where there are none), always (older ones are brought forward too) or never",
}


class Location(NamedTuple):
    """What to connect to and how."""

    #: for people: no password in it
    url: str
    #: for the driver
    conninfo: str
    schema: str
    #: behind a pooler that lends a connection for one transaction: nothing of a session's stays
    pooled: bool
    pool: int
    deadline: float
    #: what opening the store may do to its tables: make ``missing`` ones, ``always`` bring them forward, ``never`` any
    migrate: str = "missing"

    def __repr__(self) -> str:
        # A debugger or an error tracker prints what a frame holds, and that must not be the password.
        return f"Location({self.url!r})"


def parse(url: str) -> Location:
    """Take ``postgresql://user:password@host/database?schema=name`` apart; ConfigError where that cannot be."""
    shown = masked(url)
    try:
        parts = urlsplit(url)
        _ = parts.username
    except ValueError as error:
        raise ConfigError(f"{shown!r} is no URL: {error}") from None
    if parts.fragment:
        raise ConfigError(f"{shown!r} has a '#' in it; write %23 for one in a password or a name")
    if wrong := unencoded(url, once=True):
        raise ConfigError(f"{shown!r}: {wrong}")
    ours: dict[str, str] = {}
    others: list[tuple[str, str]] = []
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _OPTIONS:
            others.append((name, value))
        elif not re.fullmatch(_OPTIONS[name], value):
            raise ConfigError(f"{shown!r}: {name}={value!r} cannot be; it is {_MEANT[name]}")
        else:
            ours[name] = value
    schema = ours.get("schema", DEFAULT_SCHEMA)
    if len(schema.encode()) > _LONGEST_NAME or schema.startswith("pg_"):
        raise ConfigError(
            f"{shown!r}: schema={schema!r} cannot be a schema's name\n"
            f"it has at most {_LONGEST_NAME} bytes and does not begin with pg_"
        )
    # Put together by hand: without a host, urlunsplit leaves out the slashes.
    query = urlencode(others, quote_via=quote)
    conninfo = f"postgresql://{parts.netloc}{parts.path}{'?' if query else ''}{query}"
    try:
        conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError as error:
        raise ConfigError(f"{shown!r}: {_hidden(str(error), url).strip()}") from None
    return Location(
        shown,
        conninfo,
        schema,
        ours.get("pooler") == "transaction",
        int(ours.get("pool", "8")),
        float(ours.get("deadline", "6")),
        ours.get("migrate", "missing"),
    )


def _hidden(text: str, url: str) -> str:
    """A driver's message without the passwords of the URL, which it may cite."""
    secrets = [urlsplit(url).password or ""]
    secrets += [value for name, value in parse_qsl(urlsplit(url).query) if name in _SECRETS]
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text
