"""One measured figure, beside its floor, and the table of them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final, Literal

_TESTS: Final[dict[str, Callable[[float, float], bool]]] = {">=": operator.ge, "<=": operator.le}
_HEAD: Final = ("figure", "measured", "floor", "ratio", "spread", "goal", "")

#: Which of a figure's numbers its goal is about; "more" is how much it is above the floor.
Of = Literal["ratio", "value", "more"]


@dataclass(frozen=True)
class Goal:
    """What a number must come to."""

    of: Of
    test: Literal[">=", "<="]
    limit: float


@dataclass(frozen=True)
class Figure:
    """``ratio`` is the median of the pairs' ratios, which is not the ratio of the medians ``value`` and ``floor``;
    ``spread`` the least and the greatest of them.
    """

    name: str
    unit: str
    value: float
    floor: float | None = None
    ratio: float | None = None
    goal: Goal | None = None
    spread: tuple[float, float] | None = None

    @property
    def met(self) -> bool | None:
        """Whether it is as good as it should be; None: nothing was asked for."""
        if self.goal is None:
            return None
        number = {"ratio": self.ratio, "value": self.value, "more": self.value - (self.floor or 0.0)}[
            self.goal.of
        ]
        return number is not None and _TESTS[self.goal.test](number, self.goal.limit)

    def cells(self) -> tuple[str, ...]:
        """Its line of the table."""
        goal = self.goal
        return (
            self.name,
            f"{number(self.value)} {self.unit}",
            "" if self.floor is None else f"{number(self.floor)} {self.unit}",
            "" if self.ratio is None else f"{self.ratio:.2f}",
            "" if self.spread is None else f"{self.spread[0]:.2f}-{self.spread[1]:.2f}",
            "" if goal is None else f"{_what(goal, self.unit)} {goal.test} {_limit(goal, self.unit)}",
            {None: "", True: "met", False: "NOT MET"}[self.met],
        )

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"met": self.met}


def paired(
    name: str, unit: str, pairs: Iterable[tuple[float, float]], goal: Goal | None = None, scale: float = 1.0
) -> Figure:
    """The figure of (measured, floor) pairs, each pair taken one right after the other."""
    pairs = list(pairs)
    ratios = [value / floor for value, floor in pairs]
    return Figure(
        name,
        unit,
        median(value for value, _ in pairs) * scale,
        median(floor for _, floor in pairs) * scale,
        median(ratios),
        goal,
        (min(ratios), max(ratios)),
    )


def number(value: float) -> str:
    """Three digits that matter, thousands apart."""
    if abs(value) >= 1000:
        return f"{round(value, 2 - len(str(int(abs(value)))) + 1):,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def table(figures: Sequence[Figure]) -> str:
    """The lines, in columns."""
    rows = [_HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(_HEAD))]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = (
        "  ".join(
            cell.rjust(width) if n in (1, 2, 3, 4) else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _what(goal: Goal, unit: str) -> str:
    return {"ratio": "ratio", "value": "", "more": "more than floor by"}[goal.of]


def _limit(goal: Goal, unit: str) -> str:
    return f"{goal.limit:.2f}" if goal.of == "ratio" else f"{number(goal.limit)} {unit}"
