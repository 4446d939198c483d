"""What the tables of hub.toml may hold, each a section checked when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, IPvAnyNetwork

from hub.times import Duration, ScheduleText, Zone


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True)


class HubSection(Section):
    """`[hub]`.

    `deadline` bounds one call to a network; `late` what goes out after downtime: a post that is later than that
    is `missed`, and a person is asked. `posts_per_hour` bounds what goes out on one account (0: no bound). `lease`
    is how long an account whose process hangs is kept from the others. `quantum` is how long a turn may last
    before the accounts that wait have theirs. `engine` is what carries the turns out: threads of each process that
    look at the database, or jobs of Procrastinate in it.
    """

    database: str = "sqlite:///hub.db"
    timezone: Zone = "UTC"
    key_file: str = "hub.key"
    workers: int = Field(default=16, ge=1, le=256)
    deadline: Duration = timedelta(seconds=30)
    late: Duration = timedelta(days=1)
    posts_per_hour: int = Field(default=60, ge=0)
    lease: Duration = Field(default=timedelta(seconds=120), ge=timedelta(seconds=1))
    quantum: Duration = timedelta(seconds=30)
    engine: Literal["local", "procrastinate"] = "local"
    log: Literal["debug", "info", "warning", "error"] = "info"


class ScheduleSection(Section):
    """`[schedule]`: how often each kind of work is due.

    With `quiet` an account on which nothing was said for long is listened to more and more rarely, down to that
    interval; whatever is said or sent there brings it back.
    """

    publish: ScheduleText = "every 1m"
    listen: ScheduleText = "every 5m"
    contacts: ScheduleText = "0 * * * *"
    quiet: Duration | None = None


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/")):
        raise ValueError("write the address alone, such as https://hub.example.org")
    return text.rstrip("/")


class ServeSection(Section):
    """`[serve]`: how the page is reached.

    `url` is its address in browsers, if that is not `host` and `port`; with https its cookies go by https alone.
    `hosts` are further names that it is opened by. `proxies` are the addresses, or networks, of the proxies before
    it, which are believed who the browser is and whether it came by https; with an https `url` and none named it
    is one on this machine.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)
    url: Annotated[str, AfterValidator(_web_address)] = ""
    hosts: tuple[str, ...] = ()
    proxies: tuple[IPvAnyNetwork, ...] = ()

    @property
    def https(self) -> bool:
        return self.url.startswith("https://")


class RouteSection(Section):
    """`[routes.NAME]`: what appears on these accounts goes out to those.

    `backfill` bounds the first read of a source: only what is younger goes out ("all" for everything).
    `late` replaces the hub's: an item older than that when it is first seen, or that waited longer, is `missed`.
    """

    sources: tuple[str, ...] = Field(alias="from", min_length=1)
    targets: tuple[str, ...] = Field(alias="to", min_length=1)
    backfill: Duration | Literal["all"] = timedelta(days=1)
    late: Duration | None = None


Policy = Literal["ours", "theirs", "newest", "union", "ask"]
"""Whose value holds when both sides changed a field: `union` is for lists, `ask` leaves it to a person."""


def _region(text: str) -> str:
    if text and not (len(text) == 2 and text.isascii() and text.isupper()):
        raise ValueError("write a country's two capital letters, such as RU")
    return text


class ContactsSection(Section):
    """`[contacts]`: how people are known, and what a sync does when both sides changed.

    `region` is the country (as in "RU") of phone numbers that are written without one. Evidence of a weight from
    `join_from` joins by itself; what weighs less is proposed. `fields` gives a policy by name of a field, for all
    CRMs. What is named in `never` leaves the hub for no CRM.
    """

    region: Annotated[str, AfterValidator(_region)] = ""
    join_from: float = Field(default=0.9, gt=0, le=1)
    fields: Mapping[str, Policy] = {}
    never: tuple[str, ...] = ()


class ActivitySection(Section):
    """`[activities.NAME]`: what of that which people say becomes a note, a task or a lead in a CRM; once.

    `when` is a search as in the inbox. `each` says what becomes one: a mention, or a whole discussion. `due` is
    how long after it was said a task is due.
    """

    account: str = Field(alias="to")
    make: Literal["note", "task", "lead"] = "note"
    when: str = ""
    each: Literal["mention", "discussion"] = "mention"
    title: str = ""
    due: Duration | None = None


_Age = Annotated[Duration, Field(ge=timedelta(days=1))]


class RetentionSection(Section):
    """`[retention]`: how long what is held is kept; without a line, for ever.

    `mentions` and `messages` go by when they were said (messages as long as mentions, if they have no line), and
    nothing older is taken in. `contacts` are people of whom nothing is kept that they said and who are in no CRM,
    by their last change. `history` is what fields and remarks were before, `runs` how turns went.
    """

    mentions: _Age | None = None
    messages: _Age | None = None
    contacts: _Age | None = None
    history: _Age | None = None
    runs: _Age = timedelta(days=30)


class AppSection(Section):
    """`[apps.NAME]`: what a network takes from an app, that is, from all accounts with that app together.

    They share the budget on all machines. Without a number they still stop together when the network refuses the
    app.
    """

    calls_per_second: float | None = Field(default=None, gt=0)
    calls_per_hour: int | None = Field(default=None, ge=1)


class AccountOptions(Section):
    """What the hub itself, not the plugin, takes from `[accounts.NAME]`.

    `overflow` says what happens to a text that is too long; `searches` are queries for brand monitoring.
    `calls_per_second` and `settle_after` replace the plugin's own values, `posts_per_hour` replaces the hub's.
    `app` names a table of `[apps]`, whose budget of calls the account shares.

    Of a CRM: `push` lets it receive anything at all; `create` says who becomes a record there: those who spoke to
    us, all contacts, or nobody. `deletions` says what follows when a record is deleted on one side: a person is
    asked, nothing, or the deletion on the other side. `vanish` is the share of all records, in percent, beyond
    which a deletion of many at once is taken for an accident and stops the sync. `full` is how often all records
    are read, to see which are gone. `policies` replaces those of `[contacts]`, by field. `consent` is a purpose:
    nobody's record is written there who did not agree to it.
    """

    overflow: Literal["thread", "shorten"] = "shorten"
    searches: tuple[str, ...] = ()
    push: bool = True
    create: Literal["speakers", "all", "nobody"] = "speakers"
    deletions: Literal["ask", "keep", "follow"] = "ask"
    vanish: int = Field(default=10, ge=0, le=100)
    full: Duration = timedelta(days=1)
    policies: Mapping[str, Policy] = {}
    consent: str = ""
    app: str = ""
    calls_per_second: float | None = Field(default=None, gt=0)
    settle_after: Duration | None = None
    posts_per_hour: int | None = Field(default=None, ge=0)
