"""Says what was measured: a table for people, JSON for programs, and on which machine."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from bench.measure import Figure

_PACKAGES = ("crosshub", "httpx", "msgspec", "psycopg", "pydantic", "sqlalchemy", "sqlmodel")


def machine(command: str, at: datetime) -> dict[str, object]:
    """Return what the figures depend on besides the code."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "command": command,
        "date": at.isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "memory_gb": round(memory / 1e9, 1),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{package: version(package) for package in _PACKAGES},
    }


def line(figure: Figure) -> str:
    """Return one line of the table."""
    verdict = {True: "met", False: "NOT MET", None: ""}[figure.met]
    aim = f"{figure.aim} {_shown(figure.target, figure.unit)}" if figure.target is not None else ""
    return f"{figure.benchmark:<11}{_span(figure):<27}{aim:<18}{verdict:<9}{figure.what}"


def heading() -> str:
    return f"{'':<11}{'median [lowest..highest]':<27}{'aim':<18}{'':<9}"


def write_json(path: Path, about: dict[str, object], figures: Sequence[Figure]) -> None:
    rows = [
        {**figure._asdict(), "rates": dict(figure.rates), "costs": dict(figure.costs), "met": figure.met}
        for figure in figures
    ]
    path.write_text(json.dumps({"machine": about, "figures": rows}, ensure_ascii=False, indent=2) + "\n")


def write_costs(path: Path, figures: Sequence[Figure]) -> None:
    """Write down the unit costs that were measured, in the place of those of an earlier run."""
    known: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
    for figure in figures:
        known.update({name: _rounded(value) for name, value in figure.costs.items()})
    path.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n")


def write_markdown(path: Path, about: dict[str, object], figures: Sequence[Figure], *, all_of_them: bool) -> None:
    """Write the copy that is committed; what was not run now stays as it was, with its own facts."""
    facts = [f"- {name}: {value}" for name, value in about.items()]
    rows = [_row(figure) for figure in figures]
    if not all_of_them:
        ran = list(dict.fromkeys(figure.benchmark for figure in figures))
        lines = path.read_text(encoding="utf-8").splitlines()
        apart = f"- alone, {', '.join(ran)}: {about['date']}, load {about['load']}, `{about['command']}`"
        facts = [
            line for line in lines if line.startswith("- ") and line.partition(": ")[0] != apart.partition(": ")[0]
        ]
        facts.append(apart)
        table = [line for line in lines if line.startswith("| ")][1:]
        rows = [line for line in table if line.split("|")[1].strip() not in ran] + rows
    text = [
        "# Results of `make bench`",
        "",
        "Written by `python -m bench --write`. Every figure in x is a ratio to a limit measured in the same run,",
        "round by round: the median, and the lowest and highest round. They hold for this machine and this hour;",
        "neighbours on it move single rounds. Compare figures of one run with each other, never rates of two.",
        "",
        *facts,
        "",
        "| benchmark | what | median [lowest..highest] | aim | | how |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
    ]
    path.write_text("\n".join(text), encoding="utf-8")


def _row(figure: Figure) -> str:
    aim = figure.aim + " " + _shown(figure.target, figure.unit) if figure.aim else ""
    met = {True: "met", False: "not met", None: ""}[figure.met]
    return f"| {figure.benchmark} | {figure.what} | {_span(figure)} | {aim} | {met} | {figure.note} |"


def _rounded(value: float) -> float:
    """Three figures are more than a busy machine can tell."""
    return float(f"{value:.3g}")


def _span(figure: Figure) -> str:
    low, high = _shown(figure.lowest, ""), _shown(figure.highest, figure.unit)
    return f"{_shown(figure.middle, figure.unit)} [{low}..{high}]"


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    number = f"{value:.0f}" if value >= 20 else f"{value:.2f}"
    return f"{number} {unit}".strip()
