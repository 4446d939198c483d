"""People for tests of what is shown of them: cards as each source would make them, on a page over two networks."""

from __future__ import annotations

from typing import Any

from pages import Page

from hub.models import Author
from hub.store.crm import questions
from hub.store.people import cards
from hub.store.tables import authors, records


class Persons:
    """Makes people on a page's hub, and the cards that they are made of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.store = page.store

    def typed(self, **values: Any) -> int:
        """Add a person as the team types one."""
        return self.store.write(
            lambda connection: cards.create(
                connection, values, origin="typed", source="user", now=self.page.hub.clock()
            )
        )

    def voice(self, account: str, remote_id: str, name: str, *texts: str, **facts: Any) -> int:
        """Let somebody say something on a network; return their card."""
        handle = facts.pop("handle", name.split()[0].lower())
        url = facts.pop("url", f"https://{account}.example/{handle}")
        who = Author(remote_id=remote_id, name=name, handle=handle, url=url)
        for number, text in enumerate(texts):
            self.page.ingest(
                account, text, author=who, remote_id=f"{account}-{remote_id}-{number}-{text}", **facts
            )
        platform = self.page.platforms[account]

        def work(connection: Any) -> int:
            card = cards.create(
                connection, {"name": name}, origin="author", source="author", now=self.page.hub.clock()
            )
            mine = (authors.c.platform == platform, authors.c.remote_id == remote_id)
            connection.execute(authors.update().where(*mine).values(contact_id=card))
            return card

        return self.store.write(work)

    def record(self, account: str, remote_id: str, **values: Any) -> int:
        """Let a CRM hold somebody; return their card."""

        def work(connection: Any) -> int:
            now = self.page.hub.clock()
            card = cards.create(connection, values, origin="record", source=account, now=now)
            connection.execute(
                records.insert().values(
                    account=account,
                    remote_id=remote_id,
                    contact_id=card,
                    url=f"https://{account}.example/{remote_id}",
                    updated_at=now,
                )
            )
            return card

        return self.store.write(work)

    def conflict(self, card: int, field: str, base: str, ours: str, theirs: str, kind: str = "conflict") -> int:
        """Let a question be open about the record on a card, as the sync asks it; the sides are JSON."""

        def work(connection: Any) -> int:
            record = connection.execute(records.select().where(records.c.contact_id == card)).first().id
            sides = {
                name: f'{{"{field}": {value}}}'
                for name, value in (("base", base), ("ours", ours), ("theirs", theirs))
            }
            held = {"theirs": sides["theirs"], "base": sides["base"]}
            connection.execute(records.update().where(records.c.id == record).values(**held))
            questions.ask(connection, kind, record, card, self.page.hub.clock(), field=field, **sides)
            return max(one.id for one in questions.open(connection, 1000))

        return self.store.write(work)

    def join(self, *card_ids: int) -> None:
        """Let cards be one person, as evidence would, for tests that look at nothing but what is shown."""
        from hub.store.tables import contacts

        first = min(card_ids)
        self.store.write(
            lambda connection: connection.execute(
                contacts.update().where(contacts.c.id.in_(card_ids)).values(person_id=first)
            )
        )
