"""Rows 1, 2 and 8 at length: thousands of posts and every tenth answer is lost, on every settle kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from faults.stage import PATIENCE, STRUCK, Stage, set_up
from faults.truth import Tally
from settle_kinds import KINDS, is_publish
from sqlalchemy import Table, text
from sqlalchemy.engine import Connection

from hub.store import tables
from hub.testing import faults

Proved = Callable[[Stage, str, str], Tally]
LOST = (faults.LOST, faults.RESET.after, faults.server_error(502).after)
SHARE = 0.1
# So many are accepted for each hour. After a pause the governor spreads what has piled up, so that a look into the
# newest hundred posts reaches back far enough.
WAVE = 50
PACE = timedelta(hours=1)
PER_HOUR = {"posts_per_hour": 90}


def fill(stage: Stage, count: int) -> None:
    """Accept the posts that `check` wants, a wave each hour: the first as ever, the others after its image.

    Accepting is not what is proved here, and one after another would take longer than publishing them.
    """
    stage.accept("post 0")

    def work(connection: Connection) -> None:
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})"
        wave = f"i / {WAVE} * {PACE // timedelta(milliseconds=1)}"
        copy = {"key": "'number ' || i", "text": "'post ' || i", "publish_at": f"publish_at + {wave}"}
        _copy(connection, tables.posts, copy, numbers)
        _copy(connection, tables.deliveries, {"post_id": "post_id + i", "due_at": f"due_at + {wave}"}, numbers)

    stage.hub.store.write(work)


def _copy(connection: Connection, table: Table, changed: dict[str, str], numbers: str) -> None:
    """Repeat the first row of a table for each of the numbers, but for the columns that are changed."""
    columns = [column.name for column in table.columns if column.name != "id"]
    values = ", ".join(changed.get(name, name) for name in columns)
    names = ", ".join(columns)
    connection.execute(
        text(f"INSERT INTO {table.name} ({names}) {numbers} SELECT {values} FROM {table.name}, n WHERE id = 1")
    )


def publish(stage: Stage, count: int) -> None:
    """Publish so many posts while every tenth answer is lost, wave by wave."""
    fill(stage, count)
    stage.network.inject_randomly(LOST, SHARE, is_publish)
    for _ in range(0, count, WAVE):
        stage.hub.tick(seconds=PACE.total_seconds())
    stage.rest()


def check(stage: Stage, proved: Proved, kind: str, count: int) -> None:
    """No duplicate, no loss, and a person asked exactly where nothing else helps."""
    struck = len(stage.network.struck)
    lost = len({request.body for _, request in stage.network.struck})
    states = Counter(stage.states())
    if kind == "none":
        assert states == {"published": count - struck, "asked": struck}
        stage.decide()
    assert stage.everything_is_out()
    assert sorted(stage.texts()) == sorted(f"post {number}" for number in range(count))
    became = proved(stage, f"every tenth answer lost, {count} posts", kind)
    assert (became.settled, became.asked) == ((0, struck) if kind == "none" else (lost, 0))
    assert struck > count * SHARE / 2, "too few answers were lost to prove anything"


@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_posts_are_there_once_each(room: Path, proved: Proved, kind: str) -> None:
    with set_up(room, kind, accounts=[STRUCK], options=PER_HOUR, deadline=PATIENCE) as stage:
        publish(stage, 1000)
        check(stage, proved, kind, 1000)


@pytest.mark.faults_long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_posts_are_there_once_each(room: Path, proved: Proved, kind: str) -> None:
    with set_up(room, kind, accounts=[STRUCK], options=PER_HOUR, deadline=PATIENCE) as stage:
        publish(stage, 10_000)
        check(stage, proved, kind, 10_000)
