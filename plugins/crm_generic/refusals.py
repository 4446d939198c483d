"""Tells what a CRM's answer means: by the account's own rules, then by its HTTP status."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from hub import (
    Answer,
    AuthError,
    DuplicateError,
    GoneError,
    Http,
    HubError,
    Receipt,
    RejectedError,
    StaleCursor,
    StaleRecord,
    TransientError,
    UnknownOutcome,
)
from plugins.crm_generic import wire
from plugins.crm_generic.expressions import Get, getter
from plugins.crm_generic.settings import CrmSettings


class NothingFound(GoneError):
    """The CRM says with an error that a list or a search has no records; `answer` is the same without a body."""

    answer: Answer


_ERRORS: dict[str, type[HubError]] = {
    "transient": TransientError,
    "auth": AuthError,
    "rejected": RejectedError,
    "gone": GoneError,
    "duplicate": DuplicateError,
    "stale": StaleCursor,
    "changed": StaleRecord,
    "unknown": UnknownOutcome,
    "empty": NothingFound,
}
_BY_STATUS = {
    400: "rejected",
    401: "auth",
    403: "rejected",
    404: "gone",
    410: "gone",
    412: "changed",
    422: "rejected",
}
_HINTS = {
    "gone": "see whether the record still exists, and whether api_url and the path of the endpoint are right",
    "duplicate": "the CRM holds this contact already; merge the two there, or let map find its e-mail",
    "changed": "somebody changed the record meanwhile; the hub reads it again",
}


class Refusals:
    """Reads the refusals of one account's CRM. `hint` mends a login that no longer works."""

    def __init__(self, settings: CrmSettings, http: Http, hint: str) -> None:
        self._http = http
        self._hint = hint
        self._reason = getter(settings.reason)
        self._rules = [(rule, getter(rule.when), getter(rule.retry_after)) for rule in settings.errors]
        create = settings.contacts.create
        self._existing = getter(create.existing_id if create else None)
        self._pattern = create.existing_id_pattern if create else None

    def explain(self, answer: Answer) -> HubError | None:
        """Ask the rules, then the status; what is left (429, 5xx, redirects) is the hub's."""
        if answer.ok and not self._rules:
            return None
        body = _json(answer)
        means, waits = self._meaning(answer, body)
        if means is None:
            return None
        facts: dict[str, Any] = {
            "method": answer.method,
            "url": answer.url,
            "status": answer.status,
            "why": self.why(body),
            "hint": self._hint if means == "auth" else _HINTS.get(means) or _hint_of_refusal(answer),
        }
        if means == "duplicate":
            facts["receipt"] = self._held(body)
        elif means == "transient":
            facts["retry_after"] = waits if waits is not None else wire.seconds(answer.headers.get("retry-after"))
        error = _ERRORS[means]("{method} {url}: HTTP {status}{why}", **facts)
        if isinstance(error, NothingFound):
            error.answer = replace(answer, body=b"")
        return error

    def of_item(self, means: str, why: str, body: Any) -> HubError:
        """Return the error for one contact of many, of which the CRM said `why`."""
        kind = _ERRORS.get(means, RejectedError)
        facts: dict[str, Any] = {"why": self._http.redact(why)[:300], "hint": _HINTS.get(means, "")}
        if kind is DuplicateError:
            facts["receipt"] = self._held(body)
        return kind("the CRM refuses this contact: {why}", **facts)

    def why(self, body: Any) -> str:
        """Return the CRM's own words in brackets, "" if there are none."""
        found = safely(self._reason, body)
        if isinstance(found, list):
            found = "; ".join(str(part) for part in found if isinstance(part, str))
        return f" ({self._http.redact(found)[:300]})" if isinstance(found, str) and found else ""

    def _meaning(self, answer: Answer, body: Any) -> tuple[str | None, float | None]:
        for rule, when, retry_after in self._rules:
            # A rule that names no status must not make an end of what will pass by itself.
            passes = rule.status is None and rule.means not in ("transient", "auth") and _passes(answer.status)
            fits = rule.status in (None, answer.status) and not passes
            if fits and (rule.when is None or wire.truth(safely(when, body))):
                return rule.means, _wait(safely(retry_after, body), answer)
        if answer.status == 409:
            return ("rejected" if answer.repeatable else "duplicate"), None
        return _BY_STATUS.get(answer.status), None

    def _held(self, body: Any) -> Receipt | None:
        found = safely(self._existing, body)
        if self._pattern:
            match = re.search(self._pattern, found) if isinstance(found, str) else None
            found = match[1] if match else None
        good = isinstance(found, int | str) and found and not isinstance(found, bool)
        return Receipt(remote_id=str(found)) if good else None


def _passes(status: int) -> bool:
    return status in (408, 425, 429) or status >= 500


def _wait(found: Any, answer: Answer) -> float | None:
    """Return the seconds to wait: as they were told, or until a time that was told, by the CRM's own clock."""
    if isinstance(found, bool) or not isinstance(found, int | float | str) or found == "":
        return None
    try:
        number = float(found)
    except ValueError:
        return None
    if number < 1_000_000_000:
        return max(0.0, number)
    now = wire.http_date(answer.headers.get("date"))
    return max(0.0, number - now.timestamp()) if now else 60.0


def _json(answer: Answer) -> Any:
    try:
        return answer.json()
    except HubError:
        return None


def safely(get: Get, body: Any) -> Any:
    """Evaluate; None where the expression does not fit what there is."""
    try:
        return get(body)
    except ValueError:
        return None


def _hint_of_refusal(answer: Answer) -> str:
    if answer.status == 403:
        return "give the credentials the right to do this in the CRM"
    if answer.status in (400, 422):
        return "compare write, params and the templates in hub.toml with the fields that the CRM knows"
    return ""


def misfit(answer: Answer, key: str, why: str) -> HubError:
    """Return the error for an answer that a key of the settings does not fit."""
    error = answer.misread(f"{key}: {why}")
    error.hint = f"compare {key} in hub.toml with what the CRM answers"
    return error


def found_in(answer: Answer, key: str, expression: str, body: Any) -> str:
    """Return the text that an expression finds; raise what `misfit` returns where it does not fit."""
    try:
        return wire.text(getter(expression)(body))
    except ValueError as error:
        raise misfit(answer, key, str(error)) from None
