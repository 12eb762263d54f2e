"""Restarts, kills, pauses and cuts under load: every thread of every worker goes on, and nothing is lost."""

from __future__ import annotations

from statistics import median

import pytest
from reconnect_fleet import Fleet
from reconnect_troubles import TROUBLES, paused, places, suffer

from longshore.stores.postgres import connection
from longshore.stores.redis import mouth


@pytest.mark.parametrize("kind", places())
def test_each_trouble_once(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(mouth, "_UNANSWERED", 0.5)
    monkeypatch.setattr(connection, "_GRACE", 0.1)
    with places()[kind](0.5) as place, Fleet(place.url, tmp_path, 2, silence=0.5) as fleet:
        for trouble in TROUBLES:
            suffer(place, fleet, trouble, 0.1)
        fleet.finish()


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", places())
def test_fifty_times_in_a_row(kind, tmp_path, capsys):
    """With the settings of everyday: ``pytest -m full tests/reconnect``."""
    waits = []
    default = {"postgresql": 6.0, "redis": 5.0}[kind]
    with places()[kind](default) as place, Fleet(place.url, tmp_path, workers=3) as fleet:
        for n in range(50):
            trouble = TROUBLES[n % len(TROUBLES)]
            # Once as long as it takes leases to lapse, and longer.
            consumed, everything = suffer(
                place, fleet, trouble, 20.0 if trouble is paused and n > 40 else 2.0
            )
            waits.append(consumed)
            with capsys.disabled():
                print(
                    f"{kind} {n + 1}: {trouble.__name__}: {consumed:.2f} s, all threads {everything:.2f} s",
                    flush=True,
                )
        starts = fleet.finish()
    with capsys.disabled():
        print(
            f"{kind}: worst {max(waits):.2f} s, median {median(waits):.2f} s; {len(fleet.acknowledged)} jobs, {starts}"
        )
