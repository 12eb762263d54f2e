"""What type checkers must see of periodic tasks; see engine.py."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_type

from longshore import App, Context, Job, Planned, Schedule, at, crontab, every

app = App("memory://")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@app.periodic(crontab(minute="*/5", timezone="Europe/Berlin"), overlap="skip", queue="slow")
def tidy(days: int = 7) -> str:
    return f"{days}"


@app.periodic(every(60, start_now=True) | at(NOON), catch_up="all", bound=5)
async def refresh(ctx: Context) -> int:
    return ctx.attempt


@app.periodic(lambda when: when.day == 1)
def monthly() -> None: ...


@app.task
def report(month: str) -> str:
    return month


same = app.periodic(every(60), args=("this",), name="early")(report)


def uses() -> None:
    assert_type(tidy(3), str)
    assert_type(tidy.enqueue(days=3), Job[str])
    tidy.enqueue("x")  # type: ignore[arg-type]
    assert_type(refresh.enqueue(), Job[int])
    assert_type(tidy.schedule, Schedule)
    assert_type(tidy.schedule.next(NOON), datetime | None)
    assert_type(same.enqueue("may"), Job[str])
    assert_type(app.schedules.list(), dict[str, Planned])
    app.periodic(5)  # type: ignore[arg-type]
    app.periodic(every(60), catch_up="some")  # type: ignore[arg-type]
    crontab(5)  # type: ignore[arg-type]
