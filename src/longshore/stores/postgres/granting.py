"""Who may do what: the rights a role needs, as SQL, and whether ours has them."""

from __future__ import annotations

from typing import Final

from longshore.errors import SchemaError
from longshore.stores.postgres.location import Location
from longshore.stores.postgres.pool import Call, Pool
from longshore.stores.postgres.schema import quoted
from longshore.stores.upkeep import Right

_ALL: Final = "SELECT, INSERT, UPDATE, DELETE"
_NEEDED: Final = (
    "SELECT has_table_privilege(t.name, r.name) FROM "
    "unnest(%(tables)s::text[]) AS t (name), unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS r (name)"
)


def grants(schema: str, right: Right, role: str) -> list[str]:
    """The statements that give a role its rights."""
    name, to = quoted(schema), quoted(role)
    first = f"GRANT USAGE ON SCHEMA {name} TO {to};"
    if right == "enqueue":
        return [
            first,
            f"GRANT SELECT, INSERT ON {name}.jobs TO {to};",
            f"GRANT SELECT ON {name}.meta TO {to};",
        ]
    return [
        first,
        f"GRANT {_ALL} ON ALL TABLES IN SCHEMA {name} TO {to};",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {name} GRANT {_ALL} ON TABLES TO {to};",
    ]


def check_worker(pool: Pool, location: Location) -> None:
    """SchemaError where our role may not do what a worker must; said at its start rather than at its first job."""
    name = quoted(location.schema)
    tables = [f"{name}.jobs", f"{name}.docs"]
    if all(may for (may,) in pool.run(Call(_NEEDED, {"tables": tables}))):
        return
    ((role,),) = pool.run(Call("SELECT current_user::text", {}))
    raise SchemaError(
        f'{location.url}: role "{role}" may enqueue at most, and a worker must also change and remove jobs\n'
        "run the worker as another role, or let the owner of the tables give this one the rights:\n"
        f"longshore migrate --url URL --grants work {role}"
    )
