"""The API does what its OpenAPI document says, whatever it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from web.village import Place, opened

# Left out: that all data of the right form is taken (a text of blanks has the right form, and so has a name that
# is no account's), and what belongs to links between calls.
LEFT_OUT = (
    "positive_data_acceptance",
    "use_after_free",
    "ensure_resource_availability",
    "object_level_authorization",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with opened(tmp_path_factory.mktemp("api")) as found:
        yield found


def trouble(place: Place, examples: int = 5) -> tuple[list[str], Counter[str]]:
    """Try every route with examples, edge cases and random data; return what was wrong, and what was tried."""
    configuration: dict[str, Any] = {
        "auth": {"openapi": {"token": {"bearer": place.secrets["anna"]}}},
        "seed": 1,
        "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
        "phases": {"stateful": {"enabled": False}},
        "checks": {name: {"enabled": False} for name in LEFT_OUT},
    }
    document = place.client(None).get("/api/v1/openapi.json").json()
    _forget_patterns_of_long_texts(document)
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(configuration))
    schema.app = place.app
    wrong: list[str] = []
    tried: Counter[str] = Counter()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            tried[event.label or ""] += len(event.recorder.interactions)
            for nodes in event.recorder.checks.values():
                wrong += [
                    f"{event.label}: {node.failure_info.failure}"
                    for node in nodes
                    if node.status == Status.FAILURE and node.failure_info is not None
                ]
        elif isinstance(event, events.NonFatalError | events.FatalError):
            wrong.append(f"the test itself: {event.info if isinstance(event, events.NonFatalError) else event}")
    return list(dict.fromkeys(wrong)), tried


def _forget_patterns_of_long_texts(node: Any) -> None:
    """Take the pattern away from texts of 10,000 characters and more; it must be there, and refuses a NUL.

    Schemathesis makes one automaton of a pattern and a length: of a hundred thousand characters that takes seconds
    for each example. Shorter texts keep theirs.
    """
    if isinstance(node, dict):
        if node.get("maxLength", 0) >= 10_000:
            assert node.pop("pattern", None) == r"^[^\x00]*$", node
        for inner in node.values():
            _forget_patterns_of_long_texts(inner)
    elif isinstance(node, list):
        for inner in node:
            _forget_patterns_of_long_texts(inner)


@pytest.mark.timeout(300)
def test_the_api_does_what_its_document_says(place: Place) -> None:
    wrong, tried = trouble(place)
    assert wrong == []
    paths = place.client(None).get("/api/v1/openapi.json").json()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    # It takes nothing that could be tried.
    assert {route for route in routes if not tried[route]} <= {"GET /api/v1/openapi.json"}, tried


def test_a_nul_in_a_long_text_is_refused(place: Place) -> None:
    """What schemathesis is not told of long texts: see `_forget_patterns_of_long_texts`."""
    answer = place.client("anna").post("/api/v1/mentions/1/notes", json={"text": "before\0after"})
    assert (answer.status_code, answer.json()["ok"]) == (422, False)
    assert place.client("anna").post("/api/v1/mentions/1/notes", json={"text": "before"}).status_code < 300
