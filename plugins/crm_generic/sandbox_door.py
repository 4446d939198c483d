"""The outer half of the double of a small CRM: who may come in, how often, and its list in five ways."""

from __future__ import annotations

import base64
import time as clock
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlencode

from hub.testing import ContactsDouble, Reply, Request
from plugins.crm_generic.sandbox_account import SIZES
from plugins.crm_generic.sandbox_records import Failed, Record, id_after, number, time

AuthKind = Literal["bearer", "basic", "header", "query"]
PagingKind = Literal["page", "offset", "cursor", "link", "link_header"]


class CrmDoor(ContactsDouble):
    """Lets calls in and lists what there is."""

    secret: str
    user: str
    auth: AuthKind
    paging: PagingKind
    max_size: int
    budget: int | None
    window: float
    contacts: dict[str, Record]
    _window_ends = 0.0
    _spent = 0

    def check_auth(self, request: Request) -> None:
        basic = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
        header = request.headers.get("authorization")
        proved = {
            "bearer": header == f"Bearer {self.secret}",
            "basic": header == f"Basic {basic}",
            "header": request.headers.get("x-api-key") == f"Token {self.secret}",
            "query": request.query.get("api_key") == self.secret,
        }
        if not proved[self.auth]:
            raise Failed(401, "unauthorized", "The credentials are missing or wrong")

    def check_budget(self) -> None:
        if self.budget is None:
            return
        now = clock.monotonic()
        if now >= self._window_ends:
            self._window_ends, self._spent = now + self.window, 0
        self._spent += 1
        if self._spent > self.budget:
            failed = Failed(429, "too_many_requests", "Too many requests")
            left = self._window_ends - now
            headers = {
                "Retry-After": f"{left:.2f}",
                "X-RateLimit-Limit": str(self.budget),
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": f"{left:.2f}",
            }
            failed.reply = Reply(failed.reply.json, status=429, headers=headers)
            raise failed

    def parameters(self, request: Request, *allowed: str) -> dict[str, str]:
        given = {name: value for name, value in request.query.items() if name != "api_key" or self.auth != "query"}
        for name in given:
            if name not in allowed:
                raise Failed(400, "unknown_parameter", f"Unknown parameter {name}")
        return given

    def listed(self, request: Request) -> Reply:
        size_name = SIZES[self.paging]
        place = {"page": "page", "offset": "offset"}.get(self.paging, "after")
        given = self.parameters(request, size_name, place, "updated_since")
        size = min(number(given, size_name, 20), self.max_size)
        records = sorted(self.contacts.values(), key=lambda record: record.id)
        if "updated_since" in given:
            since = time(given["updated_since"])
            records = [record for record in records if record.updated_at >= since]
        if self.paging == "page":
            start = (number(given, "page", 1) - 1) * size
            if start < 0:
                raise Failed(400, "bad_parameter", "page begins with 1")
            return Reply({"data": self._page(records[start : start + size])})
        if self.paging == "offset":
            start = number(given, "offset", 0)
            more = start + size < len(records)
            return Reply({"data": self._page(records[start : start + size]), "has_more": more})
        if self.stale_cursors and "after" in given:
            raise Failed(400, "bad_parameter", "after is no cursor")
        after = id_after(given.get("after", ""))
        records = [record for record in records if record.id > after]
        found = records[:size]
        data = self._page(found)
        if len(records) <= size:
            return Reply({"data": data})
        following = base64.urlsafe_b64encode(f"id:{found[-1].id}".encode()).decode()
        if self.paging == "cursor":
            return Reply({"data": data, "paging": {"next": {"after": following}}})
        # As many CRMs do, the link repeats the whole query, the key in it too.
        link = f"{self.url}{request.path}?{urlencode({**request.query, 'after': following})}"
        if self.paging == "link":
            return Reply({"data": data, "links": {"next": link}})
        both = f'<{self.url}{request.path}>; rel="first", <{link}>; rel="next"'
        return Reply({"data": data}, headers={"Link": both})

    def _page(self, records: Sequence[Record]) -> list[dict[str, Any]]:
        return [record.shown(self.url) for record in self.arranged(records)]
