"""Where somebody is in the inbox: what they filter by, and how far they have paged. It is all in the address."""

from __future__ import annotations

from typing import Annotated, NamedTuple
from urllib.parse import urlencode

from fastapi import Depends, Form, Query
from fastapi.responses import RedirectResponse

# What is shown to who comes without a filter: what is left to do.
USUAL = "status:new,open,waiting"
# The largest number that a row of the database can have.
LARGEST = 2**63 - 1


class Place(NamedTuple):
    """A view of the inbox. `q` is in the query language; `cursor` is desk's, "" for the newest."""

    q: str = USUAL
    cursor: str = ""

    def address(
        self,
        mention: int | None = None,
        *,
        q: str | None = None,
        cursor: str | None = None,
        done: str = "",
        at: str = "",
    ) -> str:
        """Return the address of the list, or of a mention beside it, with these filters or with others."""
        query = self.q if q is None else q
        # Another filter begins at the newest.
        page = cursor if cursor is not None else self.cursor if q is None else ""
        facts = {"q": query} if query != USUAL else {}
        facts |= {"cursor": page} if page else {}
        facts |= {"done": done} if done else {}
        path = "/inbox" if mention is None else f"/inbox/{mention}"
        return path + (f"?{urlencode(facts)}" if facts else "") + (f"#{at}" if at else "")

    def go(self, mention: int | None = None, *, done: str = "", at: str = "") -> RedirectResponse:
        """Lead back to where the form was, with a word on what was done."""
        return RedirectResponse(self.address(mention, done=done, at=at), 303)


def _asked(q: Annotated[str | None, Query()] = None, cursor: Annotated[str, Query()] = "") -> Place:
    return Place(USUAL if q is None else q.strip(), cursor)


def _sent(q: Annotated[str | None, Form()] = None, cursor: Annotated[str, Form()] = "") -> Place:
    return Place(USUAL if q is None else q.strip(), cursor)


# The place that an address names, and the one that a form brings along.
AskedPlace = Annotated[Place, Depends(_asked)]
SentPlace = Annotated[Place, Depends(_sent)]
