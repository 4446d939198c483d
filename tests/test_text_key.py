"""What of a text survives a network, and so tells two posts apart when an answer was lost."""

from __future__ import annotations

import pytest

from hub import text_key


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Read this: https://example.org/news?a=1", "Read this: https://t.co/xyz"),
        ("We are at example.org now", "We are at https://example.org now"),
        ("Tom & Jerry", "Tom &amp; Jerry"),
        ("One\n\nTwo", "One Two"),
        ("«Да!» — сказала она…", "Да! сказала она"),
    ],
)
def test_what_networks_change_does_not_count(sent: str, shown: str) -> None:
    assert text_key(sent) == text_key(shown)


@pytest.mark.parametrize(("one", "other"), [("Part 1", "Part 2"), ("Да", "Нет"), ("👍", "👎")])
def test_what_people_wrote_counts(one: str, other: str) -> None:
    assert text_key(one) != text_key(other)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ["a" * 300_000, "a." * 150_000, "Ж@" * 150_000, "." * 300_000])
def test_a_long_text_without_blanks_costs_its_length_and_not_its_square(text: str) -> None:
    assert len(text_key(text)) <= len(text)
