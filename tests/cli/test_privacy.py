"""`hub contacts import, export, consent, erase, erasures, readmit` and `hub retention`, as a person calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.conftest import Said

LIST = "name,email,phone\nAnna Ivanova,anna@example.org,\nBoris Petrov,boris@,8 912 345-67-89\n"


@pytest.fixture
def call(hub: Callable[..., Said], tmp_path: Path) -> Callable[..., Said]:
    (tmp_path / "hub.toml").write_text('[contacts]\nregion = "RU"\n[retention]\nmentions = "730d"\n')
    (tmp_path / "list.csv").write_text(LIST)
    return hub


def names(call: Callable[..., Said]) -> list[str]:
    return [one["name"] for one in call("contacts", "--json").json["contacts"]]


def test_a_list_with_a_wrong_line_is_not_taken_in_unless_it_is_told_to(call: Callable[..., Said]) -> None:
    refused = call("contacts", "import", "list.csv")
    assert (refused.code, names(call)) == (2, [])
    assert "Line 3, email: 'boris@' is not an e-mail address" in refused.err
    taken = call("contacts", "import", "list.csv", "--skip-bad", "--json")
    assert (taken.code, taken.json["counts"], names(call)) == (5, {"new": 1}, ["Anna Ivanova"])
    assert taken.json["bad"] == [{"line": 3, "column": "email", "why": "'boris@' is not an e-mail address"}]


def test_a_dry_run_takes_nothing_in(call: Callable[..., Said]) -> None:
    said = call("contacts", "import", "list.csv", "--dry-run", "--json")
    assert (said.json["counts"], said.json["lines"]) == (
        {"new": 1},
        [{"line": 2, "state": "new", "contact": None}],
    )
    assert names(call) == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("contacts", "import", "none.csv"), "none.csv cannot be read"),
        (("contacts", "import", "list.csv", "--column", "x"), "says of no column what it is"),
        (("contacts", "import", "list.csv", "--delimiter", "abc"), "a delimiter is one sign"),
        (("contacts", "export"), "name a contact, or give --all"),
        (("contacts", "export", "1", "--format", "csv"), "fits into JSON alone"),
        (("contacts", "export", "7"), "there is no contact 7"),
        (("contacts", "erase", "7", "--yes"), "there is no contact 7"),
        (("contacts", "erase", "1"), "this needs your consent"),
        (("contacts", "readmit"), "name somebody, or give --all"),
        (("contacts", "readmit", "nobody"), "is no address, number or id"),
        (("contacts", "erasures", "--done", "3"), "erasure 3 asks for nothing"),
        (("contacts", "consent", "1", "--withdraw"), "name the purpose"),
    ],
)
def test_what_cannot_be_done_says_why(call: Callable[..., Said], args: tuple[str, ...], said: str) -> None:
    call("contacts", "import", "list.csv", "--skip-bad")
    answer = call(*args)
    assert answer.code == 2
    assert said in answer.err


def test_a_person_is_exported_erased_kept_out_and_readmitted(call: Callable[..., Said], tmp_path: Path) -> None:
    call("contacts", "import", "list.csv", "--skip-bad")
    assert "yes" in call("contacts", "consent", "1", "news", "--note", "at the fair").out
    dossier = json.loads(call("contacts", "export", "1").out)
    assert {section["name"] for section in dossier["sections"]} == {"contacts", "contact_values", "consents"}
    erased = call("contacts", "erase", "1", "--yes", "--json")
    assert (erased.code, erased.json["erasure"]["state"]) == (0, "done")
    assert {"what": "what they agreed to", "where": "consents", "number": 1} in erased.json["erasure"]["proof"]
    assert call("contacts", "import", "list.csv", "--skip-bad", "--json").json["counts"] == {"erased": 1}
    assert "Erasure" not in call("contacts", "erasures").out
    assert b"anna@example" not in (tmp_path / "hub.db").read_bytes()
    assert call("contacts", "add", "name=Anna", "emails=anna@example.org").code == 2
    assert call("contacts", "readmit", "anna@example.org", "--json").json["lifted"] == 1
    assert call("contacts", "import", "list.csv", "--skip-bad", "--json").json["counts"] == {"new": 1}


def test_everybody_is_exported_in_each_form(call: Callable[..., Said], tmp_path: Path) -> None:
    call("contacts", "import", "list.csv", "--skip-bad")
    assert call("contacts", "export", "--all", "--format", "csv", "--delimiter", ";", "--to", "out.csv").code == 0
    assert (tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines() == [
        '"id";"name";"emails";"phones";"url"',
        '"1";"Anna Ivanova";"anna@example.org";"";""',
    ]
    assert "FN:Anna Ivanova" in call("contacts", "export", "--all", "--format", "vcard").out
    (anna,) = json.loads(call("contacts", "export", "--all").out)["contacts"]
    assert anna["values"]["emails"] == ["anna@example.org"]


def test_retention_says_what_would_go(call: Callable[..., Said]) -> None:
    said = call("retention", "--dry-run", "--json").json
    assert [(one["kind"], one["count"]) for one in said["retention"]] == [
        ("messages", 0),
        ("mentions", 0),
        ("runs", 0),
    ]
    assert call("retention").code == 0
