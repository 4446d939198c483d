"""Makes two full systems that know many of the same people, each in its own spelling, and strangers like them.

`python tests/contacts/two_systems.py` takes them through matching and prints what came of it.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hub.models import Contact

# A first name as Russians write it, with its short forms, and as it is spelt in Latin letters.
MEN = (
    ("Александр", ("Саша", "Александр"), ("Alexander", "Aleksandr")),
    ("Дмитрий", ("Дима",), ("Dmitry", "Dmitrii", "Dmitriy")),
    ("Сергей", ("Серёжа", "Сережа"), ("Sergey", "Sergei")),
    ("Евгений", ("Женя",), ("Evgeny", "Eugene")),
    ("Михаил", ("Миша",), ("Mikhail", "Michael")),
    ("Юрий", ("Юра",), ("Yury", "Yuri")),
    ("Пётр", ("Петя", "Петр"), ("Petr", "Pyotr")),
    ("Никита", ("Никита",), ("Nikita",)),
    ("Илья", ("Илюша",), ("Ilya",)),
    ("Артём", ("Тёма", "Артем"), ("Artem", "Artyom")),
)
WOMEN = (
    ("Анна", ("Аня",), ("Anna",)),
    ("Мария", ("Маша",), ("Maria", "Mariya")),
    ("Екатерина", ("Катя",), ("Ekaterina", "Katherine")),
    ("Наталья", ("Наташа", "Наталия"), ("Natalia", "Natalya")),
    ("Татьяна", ("Таня",), ("Tatiana", "Tatyana")),
    ("Ольга", ("Оля",), ("Olga",)),
    ("Юлия", ("Юля",), ("Julia", "Yulia")),
    ("Елена", ("Лена", "Алёна"), ("Elena", "Helen")),
    ("Софья", ("Соня", "София"), ("Sofia", "Sofya")),
    ("Ксения", ("Ксюша",), ("Ksenia", "Xenia")),
)
SURNAMES = (
    *(
        ("Иванов", "Ivanov"),
        ("Петров", "Petrov"),
        ("Щукин", "Shchukin"),
        ("Жуков", "Zhukov"),
        ("Чехов", "Chekhov"),
    ),
    *(("Цветаев", "Tsvetaev"), ("Хомяков", "Khomyakov"), ("Юдин", "Yudin"), ("Яковлев", "Yakovlev")),
    *(("Соловьёв", "Solovyov"), ("Королёв", "Korolev"), ("Ильин", "Ilyin"), ("Ершов", "Ershov")),
    *(("Афанасьев", "Afanasiev"), ("Григорьев", "Grigoryev"), ("Быков", "Bykov"), ("Шишкин", "Shishkin")),
    *(("Ефимов", "Yefimov"), ("Мельников", "Melnikov"), ("Зайцев", "Zaytsev"), ("Кузнецов", "Kuznetsov")),
)


class Held(NamedTuple):
    """What one system holds of somebody; `who` is who that truly is."""

    who: int
    values: Mapping[str, str | Sequence[str]]


class Systems(NamedTuple):
    """Two systems. Nobody is in one of them twice."""

    hub: Sequence[Held]
    crm: Sequence[Held]

    @property
    def common(self) -> set[int]:
        return {one.who for one in self.hub} & {one.who for one in self.crm}


class _Person(NamedTuple):
    who: int
    first: tuple[str, tuple[str, ...], tuple[str, ...]]
    surname: tuple[str, str]
    email: str
    phone: str


def make(each: int = 5000, common: int = 3000, seed: int = 1) -> Systems:
    """Return two systems of `each` contacts, of whom `common` are the same people.

    Of the common ones a third share e-mail and phone, a third the e-mail alone, a third the phone and the name.
    Among the others are namesakes of the common ones, members of their families with the same telephone or
    mailbox, and people at one office's address.
    """
    dice = random.Random(seed)
    people = [_person(dice, number) for number in range(2 * each - common)]
    hub = [_held(dice, one, "hub", number % 3) for number, one in enumerate(people[:common])]
    crm = [_held(dice, one, "crm", number % 3) for number, one in enumerate(people[:common])]
    for system, others, shift in ((hub, people[common:each], 0), (crm, people[each:], 3)):
        for number, one in enumerate(others):
            # The relatives and namesakes of one side are of other people than those of the other.
            system.append(_stranger(dice, one, people[(number + shift) % common], number % 6))
        dice.shuffle(system)
    return Systems(hub, crm)


def contact(held: Held, remote_id: str) -> Contact:
    """Return what a CRM would show."""
    values = dict(held.values)
    return Contact(
        remote_id=remote_id,
        name=str(values.get("name", "")),
        emails=tuple(values.get("emails", ())),
        phones=tuple(values.get("phones", ())),
    )


def _person(dice: random.Random, who: int) -> _Person:
    woman = dice.random() < 0.5
    first = dice.choice(WOMEN if woman else MEN)
    russian, latin = dice.choice(SURNAMES)
    surname = (russian + "а", latin + "a") if woman else (russian, latin)
    return _Person(who, first, surname, f"{latin.lower()}.{who}@mail.example", f"9{100000000 + who * 37:09d}"[:10])


def _name(dice: random.Random, one: _Person, system: str) -> str:
    first, short, latin = one.first
    forms = [f"{first} {one.surname[0]}", f"{one.surname[0]} {first}", f"{one.surname[0].upper()} {first.upper()}"]
    if system == "crm":
        forms += [f"{dice.choice(latin)} {one.surname[1]}", f"{dice.choice(short)} {one.surname[0]}"]
        forms += [f"{one.surname[1]} {dice.choice(latin)}"]
    return dice.choice(forms)


def _phone(dice: random.Random, number: str) -> str:
    area, one, two, three = number[:3], number[3:6], number[6:8], number[8:]
    return dice.choice(
        (
            f"+7{number}",
            f"8 ({area}) {one}-{two}-{three}",
            f"8{number}",
            f"+7 {area} {one} {two} {three}",
            f"7-{area}-{one}-{two}{three}",
        )
    )


def _email(dice: random.Random, email: str) -> str:
    return dice.choice((email, email.upper(), email.title(), f" {email} "))


def _held(dice: random.Random, one: _Person, system: str, kind: int) -> Held:
    values: dict[str, str | Sequence[str]] = {"name": _name(dice, one, system)}
    email = one.email if kind != 2 else f"{system}.{one.email}"
    values["emails"] = (_email(dice, email),)
    if kind != 1:
        values["phones"] = (_phone(dice, one.phone),)
    return Held(one.who, values)


def _stranger(dice: random.Random, one: _Person, other: _Person, kind: int) -> Held:
    """Make somebody who is nobody else: with a name, a telephone or a mailbox of somebody who is known."""
    name = _name(dice, one, "hub")
    values: dict[str, str | Sequence[str]] = {"name": name, "emails": (one.email,), "phones": (f"+7{one.phone}",)}
    if kind == 0:
        values["name"] = _name(dice, other, "crm")
    elif kind == 1:
        relative = other._replace(first=dice.choice([first for first in MEN if first != other.first]))
        values |= {"name": _name(dice, relative, "hub"), "phones": (_phone(dice, other.phone),)}
    elif kind == 2:
        values["emails"] = (dice.choice(("info", "sales", "office")) + "@firm.example",)
        values.pop("phones")
    elif kind == 3:
        values.pop("phones")
    return Held(one.who, values)


class Outcome(NamedTuple):
    """What came of joining two systems; `asked` counts common people about whom a person is asked."""

    right: int
    wrong: int
    missed: int
    asked: int
    seconds: float


def main(each: int = 5000, common: int = 3000) -> Outcome:
    """Take the hub's side in as an import and the CRM's as pages of a first pull, and compare with the truth."""
    from contacts.graphs import NOW, Graph, opened
    from sqlalchemy.engine import Connection

    from hub.contacts.identity import matching, merging
    from hub.store.people import cards

    systems = make(each, common)
    whose: dict[int, tuple[str, int]] = {}
    with tempfile.TemporaryDirectory() as folder, opened(f"sqlite:///{folder}/hub.db") as store:
        graph = Graph(store)
        rows = [one.values for one in systems.hub]

        def take(connection: Connection) -> list[int]:
            return cards.create_many(connection, rows, origin="import", source="import", now=NOW)

        for card, one in zip(store.write(take), systems.hub, strict=True):
            whose[card] = ("hub", one.who)
        graph.match()
        started = time.perf_counter()
        for start in range(0, len(systems.crm), 100):
            page = systems.crm[start : start + 100]
            items = [contact(one, str(start + number)) for number, one in enumerate(page)]
            for card, one in zip(
                store.write(matching.place, graph.settings, items, "crm", NOW), page, strict=True
            ):
                whose[card] = ("crm", one.who)
        seconds = time.perf_counter() - started
        with store.read() as connection:
            persons = cards.persons_of(connection, list(whose))
        asked = {
            frozenset(whose[card][1] for card in (*each_.one.cards, *each_.other.cards))
            for each_ in merging.proposals(store, 100_000)
        }
    by_person: dict[int, list[tuple[str, int]]] = {}
    for card, person in persons.items():
        by_person.setdefault(person, []).append(whose[card])
    right = sum(len(ones) == 2 and len({who for _, who in ones}) == 1 for ones in by_person.values())
    wrong = sum(len({who for _, who in ones}) > 1 for ones in by_person.values())
    found = sum(len(one) == 1 for one in asked)
    return Outcome(right, wrong, len(systems.common) - right, found, seconds)


if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    print(main())
