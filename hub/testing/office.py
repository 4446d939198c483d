"""People who work on the demo's page, and what they have done so far, so that every page has something to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from hub.discussions import desk
from hub.publishing import drafts
from hub.store.database import Store
from hub.store.discussions import mentions
from hub.store.outbox.drafts import Content
from hub.users import people
from hub.users.roles import Role, User

# The page of the demo is on loopback and its database in a folder of its own: this guards nothing.
PASSWORD = "the demo of crosshub"  # noqa: S105  # as said above

_COLLEAGUES = (
    ("olga", Role.OWNER, "Ольга Воронцова"),
    ("pavel", Role.PUBLISHER, "Павел Ильин"),
    ("alisa", Role.AUTHOR, "Алиса Громова"),
    ("roman", Role.RESPONDER, "Роман Седов"),
    ("rita", Role.READER, "Rita Novak"),
)
NAMES = tuple(name for name, _role, _shown in _COLLEAGUES)
_SAVED = (
    ("Цена", "Здравствуйте, {author}! Пачка 250 г стоит 690 рублей, 1 кг — 2 400."),
    ("Parking", "Hi {author}, there is free parking behind the shop, the entrance is from the yard."),
)


def hire(store: Store, now: datetime) -> Mapping[Role, User]:
    """Add one user of each role."""
    return {
        role: people.add(store, name, role, PASSWORD, now, display_name=shown) for name, role, shown in _COLLEAGUES
    }


def work(store: Store, team: Mapping[Role, User], accounts: Sequence[str], now: datetime) -> None:
    """Let them do a morning's work: on what was said in the story, and on posts for these accounts."""
    owner, roman = team[Role.OWNER], team[Role.RESPONDER]
    with store.read() as connection:
        heard = [one for one in mentions.newest(connection, 1000) if one.deleted_at is None]

    def about(words: str) -> list[int]:
        return [one.id for one in heard if words in one.text]

    for name, text in _SAVED:
        desk.save_reply(store, name, text, owner, now)
    desk.save_view(store, "Без ответственного", "status:new,open assignee:nobody", owner, now)
    price, parking, tasting, thanks = (about(words) for words in ("стоит", "parking", "каппинг", "Congrat"))
    desk.label(store, price, "цены", roman, now)
    desk.assign(store, [*price[:4], *parking[:3]], roman.id, owner, now)
    desk.assign(store, tasting, owner.id, owner, now)
    desk.set_status(store, tasting[:2], "snoozed", owner, now, now + timedelta(days=2))
    desk.label(store, tasting, "каппинг", owner, now)
    for one in tasting[:1]:
        desk.add_note(store, one, "Осталось четыре места, спросить про пятницу.", owner, now)
    for one in parking:
        desk.add_note(store, one, "Въезд со двора, парковка бесплатная.", roman, now)
    desk.set_status(store, thanks[1:], "done", roman, now)
    desk.mark_read(store, [*thanks, *price[:5], *parking[:2]], owner, now)

    alisa = team[Role.AUTHOR]
    asked = Content(
        title="Пробуем Эфиопию в пятницу",
        text="В пятницу в 19:00 открываем партию Иргачеффе. Мест двенадцать, запись в комментариях.",
        accounts=tuple(accounts),
        publish_at=now + timedelta(days=1, hours=2),
    )
    draft = drafts.save(store, "office-tasting", asked, alisa, now)
    drafts.submit(store, draft.id, draft.version, alisa, now)
    later = Content(
        text="Our Saturday hours change: from December we close at 20:00.", accounts=tuple(accounts[:3])
    )
    drafts.save(store, "office-hours", later, alisa, now)
    ready = later._replace(
        text="Новый помол для турки — в обоих магазинах с четверга.", publish_at=now + timedelta(days=3, hours=1)
    )
    draft = drafts.save(store, "office-grind", ready, owner, now)
    drafts.approve(store, draft.id, draft.version, owner, timedelta(hours=1), now)
