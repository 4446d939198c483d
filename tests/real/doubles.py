"""A double as a site of the story: for the networks that nobody can run on a machine of their own."""

from __future__ import annotations

from typing import Any

from real.site import Said, Shown, Site

from hub.adapter import Adapter
from hub.testing import Person, SocialDouble


class DoubleSite(Site):
    """VK, Facebook or X, as their documentation says they are."""

    publishes = ("POST", "nothing")

    def __init__(self, adapter: type[Adapter], double: SocialDouble) -> None:
        self.double = double
        self.played = adapter
        self._people: dict[str, Person] = {}

    @property
    def url(self) -> str:
        return self.double.url

    def account(self, url: str) -> dict[str, Any]:
        return {**self.double.account(), "api_url": url}

    def posts(self) -> list[Shown]:
        return [
            Shown(held.id, held.text, [held.link] if held.link else [], held.alts, held.reply_to)
            for held in self.double.held()
        ]

    def comment(self, person: str, post_id: str, text: str, answers: str | None = None) -> str:
        if person not in self._people:
            self._people[person] = self.double.add_person(person.title(), person)
        return self.double.say(self._people[person], post_id, text, answers)

    def edit_comment(self, person: str, comment_id: str, text: str) -> None:
        self.double.edit_remark(comment_id, text)

    def delete_comment(self, person: str, comment_id: str) -> None:
        self.double.delete_remark(comment_id)

    def comments(self, post_id: str) -> list[Said]:
        return [
            Said(
                remark.id,
                "us" if remark.person.id == self.double.us.id else remark.person.handle,
                remark.text,
                remark.parent_id,
            )
            for remark in self.double.shown_remarks(post_id)
        ]
