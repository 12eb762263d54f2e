"""``longshore workers …``."""

from __future__ import annotations

from typing import Any

import click

from longshore.cli.output import Format, give_rows, give_table, one_line, output_option, talk
from longshore.cli.place import app_argument, open_place, place_options
from longshore.cli.times import iso, span


@click.group(help="Workers: list those that are alive.")
def workers() -> None: ...


@workers.command("list")
@app_argument
@place_options
@output_option
def list_workers(spec: str | None, url: str | None, output: Format) -> None:
    """List workers by their heartbeats: what they serve, what they run, what they did, and what stalls them."""
    with open_place(spec, url, output) as app:
        from longshore.cli import overview

        store = app.store
        found, now = overview.workers(store), store.now()
        if output != "text":
            give_rows(map(_json, found), output)
            return
        if not found:
            talk(f"no worker is alive. Start one: {app.starts}")
            return
        head = ("worker", "pid", "state", "queues", "running", "places", "done", "failed", "up", "heard")
        rows = [
            (
                doc["name"],
                doc.get("pid"),
                doc.get("state"),
                ", ".join(doc["queues"]) if doc.get("queues") is not None else "all",
                doc.get("leased", 0),
                doc.get("concurrency"),
                doc.get("counts", {}).get("succeeded", 0),
                doc.get("counts", {}).get("failed", 0),
                span(now - doc.get("started_at", now)),
                f"{span(doc['heard_seconds_ago'])} ago",
            )
            for doc in found
        ]
        give_table(head, rows, ("pid", "running", "places", "done", "failed"))
        for doc in found:
            if doc["stalled"] is not None:
                click.echo(
                    one_line(
                        f"{doc['name']} stalled for {span(doc['stalled']['seconds'])}: {doc['stalled']['why']}"
                    )
                )


def _json(doc: dict[str, Any]) -> dict[str, Any]:
    times: dict[str, Any] = {name: iso(doc[name]) for name in ("started_at", "beat_at") if name in doc}
    stall = doc["stalled"]
    if stall is not None:
        times["stalled"] = {**stall, "since": iso(stall["since"])}
    return {**doc, **times}
