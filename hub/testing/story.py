"""The demo's story: a blog writes, a dozen people answer on every network, one says a thing twice, one edits."""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.testing import clients
from hub.testing.clients import Records
from hub.testing.social import FeedDouble, Person, SocialDouble
from hub.testing.world import World

_LONG = (
    "<p>Мы давно хотели рассказать, как устроена наша обжарка. Зелёное зерно приходит в джутовых мешках "
    "по шестьдесят килограммов, и первое, что мы делаем, — ничего: мешок неделю отдыхает на складе, чтобы"
    " влажность выровнялась. Потом технолог берёт сто граммов и жарит пробу. ☕️</p><p>На пробе видно "
    "почти всё: плотность зерна, скорость первого «крека», то, как сахара карамелизуются. По ней мы "
    "строим профиль — кривую температуры на двенадцать минут. Ошибка в десять секунд на последней минуте "
    "меняет чашку сильнее, чем другой регион. Поэтому каждую партию пробуют вслепую три человека, и если "
    "хотя бы один ставит меньше восьмидесяти четырёх баллов, партия не уходит в продажу. 👩🏽‍🔬🔥</p><p>В "
    "этом году мы впервые записали все профили в открытый журнал. Любой может открыть его, повторить нашу"
    " обжарку дома на сковороде с термометром и прислать отзыв: что получилось, что нет, где мы ошиблись."
    " Самые полезные замечания мы собираем здесь же, под статьёй, с именем автора и ссылкой на то место, "
    "где он его написал, — будь то наша группа, страница или короткая заметка. Так у разговора появляется"
    " одно место, хотя начинали его на трёх разных сайтах.</p><p>Следующая партия — Эфиопия, Иргачеффе, "
    "натуральная обработка. Жарим в четверг, пробуем в пятницу, рассказываем в субботу. Если вы хотите "
    "прийти на каппинг — напишите, мест двенадцать. 🇪🇹</p><p>А пока — короткий список того, чему "
    "научились за год: не спешить после первого крека; верить носу, а не таймеру; и всегда оставлять одно"
    " зерно из партии в банке на окне, чтобы помнить её цвет.</p>"
)

ARTICLES: tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Новый сорт на полке",
        "<p>С понедельника у нас Колумбия Уила 🇨🇴: красное яблоко, карамель, долгое послевкусие.</p>",
        "new-coffee",
        (("huila.png", "Пачка кофе «Колумбия Уила» на деревянном столе"),),
    ),
    (
        "We open on Saturday",
        "<p>Our second shop opens at 10:00 on Lenin street, 5. First fifty cups are on us! 🎉</p>",
        "second-shop",
        (("door.png", "The door of the new shop"), ("cups.png", "Fifty paper cups in a row")),
    ),
    ("Как мы обжариваем", _LONG, "how-we-roast", ()),
)

_PEOPLE = (
    ("Анна Смирнова", "anna_s"),
    ("Борис Кузнецов", "kuznetsov_b"),
    ("Вера Ли", "vera.li"),
    ("Grace Miller", "gracem"),
    ("Дмитрий Орлов", "orlov_d"),
    ("Елена Фролова", "frolova"),
    ("Hugo Martin", "hugo_martin"),
    ("Зоя Белова", "zoya"),
    ("Игорь Панин", "panin"),
    ("Jane Cooper", "janec"),
    ("Кирилл Зайцев", "kirill_z"),
    ("Лев Гордон", "lev_gordon"),
)
EMAIL = clients.ANNA[1]
_REMARKS = (
    "А сколько стоит пачка?",
    "Congratulations! See you on Saturday 🙌",
    "Пробовал вчера — очень чисто и сладко.",
    "Спасибо за журнал профилей, повторила дома на сковороде 😄",
    "Is there parking nearby?",
    "Запишите меня на каппинг, пожалуйста!",
    "Почему именно двенадцать минут?",
)


# What one person says about the first article on two networks, lightly changed on the second.
TWICE = (
    "Купила вчера пачку «Уилы»: в турке раскрывается лучше, чем в капельной кофеварке.",
    "Купила вчера пачку «Уилы» — в турке раскрывается лучше, чем в капельной кофеварке! ☕",
)
_ELSEWHERE = "@{handle} хорошо пишут о новом сорте: {address}?utm_source=friends"
_ANSWER = "Спасибо, что поделилась, прочитаю вечером!"


@dataclass
class Said:
    """What the people did, to compare with what the hub holds.

    `twice` are the networks of the person who is on two. `elsewhere` is the network where somebody writes about
    the first article, and the id of that post: "" where the double of no network can tell. `records` are those
    that the CRMs began with.
    """

    remarks: int = 0
    edited: str = ""
    deleted: str = ""
    speakers: set[tuple[str, str]] = field(default_factory=set)
    twice: tuple[str, ...] = ()
    elsewhere: tuple[str, str] = ("", "")
    records: list[Records] = field(default_factory=list)


def write_articles(world: World) -> int:
    """Let the blog publish; return how many articles."""
    feed: FeedDouble = next(iter(world.feeds.values()))
    for title, html, slug, images in ARTICLES:
        feed.publish(title, html, slug, images)
    return len(ARTICLES)


def talk(world: World) -> Said:
    """Let a dozen people answer under each copy, and each other; one speaks on two networks."""
    said = Said()
    names = list(world.networks)
    showing = [name for name in names if world.networks[name].shows_email]
    said.twice = tuple(showing[:2])
    members = {
        name: _join(world.networks[name], number, name in said.twice, name in showing[:1])
        for number, name in enumerate(names)
    }
    claimant = members[showing[0]][1].name if showing else clients.PAVEL[0]
    said.records = clients.fill(world, claimant)
    for number, name in enumerate(names):
        network = world.networks[name]
        people = members[name]
        for place, held in enumerate(network.held()):
            first = _say(said, name, network, people[place % len(people)], held.id, number + place)
            _say(said, name, network, people[(place + 1) % len(people)], held.id, number + place + 1)
            answer = _say(
                said, name, network, people[(place + 2) % len(people)], held.id, number + place + 2, first
            )
            if place == 0:
                _say(said, name, network, people[place], held.id, number + place + 3, answer)
    if len(said.twice) == len(TWICE):
        for name, text in zip(said.twice, TWICE, strict=True):
            _speak(said, name, world.networks[name], members[name][0], _first_article(world.networks[name]), text)
    _write_elsewhere(world, said, members)
    return said


def _first_article(network: SocialDouble) -> str:
    return next(held.id for held in network.held() if ARTICLES[0][0] in held.text)


def _write_elsewhere(world: World, said: Said, members: dict[str, list[Person]]) -> None:
    """Let somebody write about the first article in a post of their own, and somebody else answer there."""
    feed = next(iter(world.feeds.values()), None)
    for name, network in world.networks.items():
        # Only where a mention is a post of its own, and not a remark under one of ours.
        if feed is None or type(network).mention is SocialDouble.mention:
            continue
        writer, reader = members[name][0], members[name][1]
        text = _ELSEWHERE.format(handle=network.us.handle, address=feed.address(ARTICLES[0][2]))
        said.elsewhere = (name, network.mention(writer, text))
        said.remarks += 1
        said.speakers.add((name, writer.id))
        _speak(said, name, network, reader, said.elsewhere[1], _ANSWER)
        return


def _join(network: SocialDouble, number: int, with_email: bool, claims: bool) -> list[Person]:
    """Let every third person join a network, and one more who is on two of them, with the same e-mail.

    With `claims` the first of the others shows an e-mail too, which a record of the CRMs has.
    """
    names = _PEOPLE[1 + number :: 3]
    emails = [clients.CLAIMED if claims and place == 0 else "" for place in range(len(names))]
    people = [network.add_person(name, handle, email) for (name, handle), email in zip(names, emails, strict=True)]
    if with_email:
        people.insert(0, network.add_person(*_PEOPLE[0], EMAIL))
    return people


def _say(
    said: Said, name: str, network: SocialDouble, person: Person, post: str, line: int, parent: str | None = None
) -> str:
    return _speak(said, name, network, person, post, _REMARKS[line % len(_REMARKS)], parent)


def _speak(
    said: Said, name: str, network: SocialDouble, person: Person, post: str, text: str, parent: str | None = None
) -> str:
    said.remarks += 1
    said.speakers.add((name, person.id))
    return network.say(person, post, text, parent)


def change_minds(world: World, said: Said) -> None:
    """Let one author edit a remark and another delete one."""
    names = list(world.networks)
    edited = world.networks[names[0]]
    said.edited = next(iter(edited.remarks))
    edited.edit_remark(said.edited, "А сколько стоит пачка 250 г? И есть ли без кофеина?")
    deleted = world.networks[names[-1]]
    said.deleted = list(deleted.remarks)[1]
    deleted.delete_remark(said.deleted)
