"""The statements of one store: those of the package with its names in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from longshore.stores.postgres.schema import quoted
from longshore.stores.statements import statements

_PLACE: Final = re.compile(r"\{(jobs|docs|meta|now|groups)\}")
_CLAIMS: Final = {"claim_all": "due_all", "claim_named": "due_named", "claim_known": "due_known"}


def table(schema: str, name: str) -> str:
    """A table's name for a statement with values, where a percent sign is written twice."""
    return f"{quoted(schema)}.{name}".replace("%", "%%")


def texts(schema: str, injected: bool) -> Mapping[str, str]:
    """Name → statement. ``injected``: the time comes as a value, else it is the server's when the statement arrived."""
    now = "%(now)s::float8" if injected else "extract(epoch FROM statement_timestamp())::float8"
    names = {name: table(schema, name) for name in ("jobs", "docs", "meta")} | {"now": now}

    def filled(text: str, groups: str = "") -> str:
        return _PLACE.sub(lambda found: {**names, "groups": groups}[found[1]], text)

    found = statements("postgres")
    sql = {name: filled(text) for name, text in found.items()}
    for name, groups in _CLAIMS.items():
        sql[name] = filled(found["claim"], filled(found[groups]))
    sql["oldest"] = filled(found["oldest"], filled(found["due_all"]))
    return sql
