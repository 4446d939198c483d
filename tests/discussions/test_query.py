"""The query language: what is typed means something or is refused in plain words, and can be written back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.discussions.query import FLAGS, KEYS, KINDS, STATUSES, Query, Term, parse, unparse
from hub.errors import UsageError


def test_every_key_is_read() -> None:
    found = parse(
        "status:new,open account:club platform:vk kind:review assignee:me label:urgent -label:spam from:anna "
        'discussion:7 before:2026-11-01 after:2026-10-01 is:unread -is:answered слово "точная фраза" -кроме'
    )
    assert found == Query(
        statuses=("new", "open"),
        accounts=("club",),
        platforms=("vk",),
        kinds=("review",),
        assignees=("me",),
        labels=(("urgent",),),
        without_labels=("spam",),
        discussion=7,
        before=date(2026, 11, 1),
        after=date(2026, 10, 1),
        flags=("unread",),
        without_flags=("answered",),
        terms=(
            Term("anna", author=True),
            Term("слово"),
            Term("точная фраза", phrase=True),
            Term("кроме", negated=True),
        ),
    )


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", Query()),
        ("   ", Query()),
        ("STATUS:Open", Query(statuses=("open",))),
        ("status:new status:open", Query(statuses=("new", "open"))),
        ("-status:done,snoozed", Query(statuses=("new", "open", "waiting"))),
        ("status:open,done -status:done", Query(statuses=("open",))),
        ("label:a,b label:c", Query(labels=(("a", "b"), ("c",)))),
        ('label:"очень срочно",b', Query(labels=(("очень срочно", "b"),))),
        ('from:"Анна Ёлкина"', Query(terms=(Term("Анна Ёлкина", author=True),))),
        ("«точная фраза»", Query(terms=(Term("точная фраза", phrase=True),))),
        ("„eine Frage“", Query(terms=(Term("eine Frage", phrase=True),))),
        (r'"say \"hi\""', Query(terms=(Term('say "hi"', phrase=True),))),
        ('-"ни слова"', Query(terms=(Term("ни слова", phrase=True, negated=True),))),
        ("12:30", Query(terms=(Term("12:30"),))),
        ("https://site.example/a", Query(terms=(Term("https://site.example/a"),))),
        ("кое-что", Query(terms=(Term("кое-что"),))),
        ("слово слово", Query(terms=(Term("слово"),))),
    ],
)
def test_what_is_typed_means(typed: str, meant: Query) -> None:
    assert parse(typed) == meant


@pytest.mark.parametrize(
    ("typed", "says", "mend"),
    [
        ("a staus:new", "character 3: staus: is no key", "status"),
        ("status:opne", "character 1: status:opne is none", "open, waiting"),
        ("is:red", "is:red is none", "unread"),
        ("x label:", "character 3: label: has no value", "label:urgent"),
        ('x "y', "character 3: the quotation marks are not closed", "close them"),
        ("before:1.11.2026", "before:1.11.2026 is no day", "before:2026-11-01"),
        ("after:2026-02-30", "is no day", "after:2026-11-01"),
        ("after:0001-01-01", "is no day", "after:"),
        ("discussion:x", "takes one number", "hub discussions"),
        ("discussion:99999999999999999999", "takes one number", "hub discussions"),
        ("discussion:²", "takes one number", "hub discussions"),
        ("-account:club", "a minus before account:", "label:"),
        ("-status:new,open,waiting,snoozed,done", "leaves nothing", "leave it out"),
        ("a - b", "character 3: nothing can be looked for", "letters"),
        ("!!!", "nothing can be looked for in !!!", "letters"),
        ('""', "nothing can be looked for", "letters"),
        ("a" * 2001, "longer than 2000", "leave something out"),
        (" ".join(f"w{n}" for n in range(31)), "more than 30 words", "leave something out"),
    ],
)
def test_what_cannot_be_understood_says_where_and_what_mends_it(typed: str, says: str, mend: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(typed)
    assert says in str(caught.value)
    assert mend in caught.value.hint.format_map(caught.value.facts)


def test_a_day_begins_by_the_clock_of_the_reader() -> None:
    found = parse("after:2026-11-01 before:2026-11-02", ZoneInfo("Europe/Moscow"))
    assert found.begins is not None
    assert found.ends is not None
    assert found.begins.astimezone(UTC) == datetime(2026, 10, 31, 21, tzinfo=UTC)
    assert found.ends.astimezone(UTC) == datetime(2026, 11, 1, 21, tzinfo=UTC)


name = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).map(str.strip).filter(bool)
names = st.lists(name, max_size=3, unique=True).map(tuple)
days = st.none() | st.dates(date(1900, 1, 1), date(2200, 1, 1))
words = name.filter(lambda text: any(char.isalnum() for char in text) and text.isascii())
queries = st.builds(
    Query,
    statuses=st.lists(st.sampled_from(STATUSES), unique=True).map(tuple),
    accounts=names,
    platforms=names,
    kinds=st.lists(st.sampled_from(KINDS), unique=True).map(tuple),
    assignees=names,
    labels=st.lists(names.filter(bool), max_size=2, unique=True).map(tuple),
    without_labels=names,
    discussion=st.none() | st.integers(0, 10**18 - 1),
    before=days,
    after=days,
    flags=st.lists(st.sampled_from(FLAGS), unique=True).map(tuple),
    without_flags=st.lists(st.sampled_from(FLAGS), unique=True).map(tuple),
    terms=st.lists(
        st.builds(Term, words, phrase=st.just(True), negated=st.booleans(), author=st.just(False))
        | st.builds(Term, words, phrase=st.just(False), negated=st.booleans(), author=st.just(True)),
        max_size=3,
        unique=True,
    ).map(tuple),
    zone=st.just(UTC),
)


@given(queries)
def test_what_is_written_is_read_as_the_same(query: Query) -> None:
    assert parse(unparse(query)) == query


typed_parts = st.sampled_from([f"{key}:" for key in KEYS]) | st.text(max_size=8) | st.sampled_from('-",\\:«»“”„ ')


@given(st.lists(typed_parts, max_size=12).map("".join))
@example('label:"a\\')
@example("-,")
@example('-"')
@example('from:"-x" --x -from:"a b"')
def test_whatever_is_typed_is_read_or_refused_and_what_is_read_can_be_written(typed: str) -> None:
    try:
        found = parse(typed)
    except UsageError:
        return
    assert parse(unparse(found)) == found
