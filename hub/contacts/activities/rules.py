"""The rules by which what people say becomes a note, a task or a lead in a CRM, checked when the hub starts."""

from __future__ import annotations

import difflib
import string
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Literal, NamedTuple

from hub.adapter import Adapter, ContactSync
from hub.discussions.query import Query, parse
from hub.errors import ConfigError, UsageError
from hub.models import NoteKind
from hub.sections import ActivitySection
from hub.settings import Settings

EVERY_REMARK = ""
"""The name of the rule that holds for every CRM while hub.toml has none: each remark is a note."""

TITLE_FIELDS = ("author", "platform", "account", "kind", "text", "discussion")
"""What a title may name in braces."""


class Rule(NamedTuple):
    """What is made of which mentions, in one CRM."""

    name: str
    account: str
    make: NoteKind
    query: Query
    each: Literal["mention", "discussion"] = "mention"
    title: str = ""
    due: timedelta | None = None


def rules_of(settings: Settings, adapters: Iterable[ContactSync]) -> list[Rule]:
    """Return the rules that hold for these CRMs; what is pushed nothing has none."""
    found: list[Rule] = []
    for adapter in adapters:
        name = adapter.account
        if not settings.accounts[name].options.push:
            continue
        if not settings.activities:
            if "note" in adapter.abilities:
                found.append(Rule(EVERY_REMARK, name, "note", Query()))
            continue
        found += [_read(settings, rule, one) for rule, one in settings.activities.items() if one.account == name]
    return found


def check(settings: Settings, open_adapter: Callable[[str], Adapter]) -> None:
    """Raise `ConfigError` for the first rule that cannot work, with what mends it."""
    for name, section in settings.activities.items():
        adapter = _check_account(settings, name, section, open_adapter)
        if section.make not in adapter.abilities:
            able = sorted(adapter.abilities & {"note", "task", "lead"})
            hint = "it can make: {able}" if able else "the account's settings do not say how to make any"
            why = UsageError(
                "{account} can make no {make}",
                hint=hint,
                account=section.account,
                make=section.make,
                able=", ".join(able),
            )
            raise _wrong(settings, name, "make", why)
        if section.due is not None and section.make != "task":
            why = UsageError("only a task is due", hint='write make = "task", or take due out')
            raise _wrong(settings, name, "due", why)
        _check_title(settings, name, section.title)
        _check_query(settings, name, _read(settings, name, section).query)


def _check_account(
    settings: Settings, name: str, section: ActivitySection, open_adapter: Callable[[str], Adapter]
) -> ContactSync:
    account = settings.accounts.get(section.account)
    if account is None:
        raise _wrong(settings, name, "to", _no_account(section.account, settings))
    adapter = open_adapter(section.account)
    if not isinstance(adapter, ContactSync):
        why = UsageError(
            "{account} is no CRM",
            hint="name an account that holds contacts; `hub plugins` says which platforms do",
            account=section.account,
        )
        raise _wrong(settings, name, "to", why)
    if not account.options.push:
        why = UsageError(
            "{account} is given nothing",
            hint="take push = false out of [accounts.{account}], or take the rule out",
            account=section.account,
        )
        raise _wrong(settings, name, "to", why)
    return adapter


def _read(settings: Settings, name: str, section: ActivitySection) -> Rule:
    try:
        query = parse(section.when, settings.zone)
    except UsageError as error:
        raise _wrong(settings, name, "when", error) from None
    return Rule(name, section.account, section.make, query, section.each, section.title, section.due)


def _check_query(settings: Settings, name: str, query: Query) -> None:
    if "unread" in (*query.flags, *query.without_flags):
        why = UsageError("is:unread is different for each user", hint="take it out")
        raise _wrong(settings, name, "when", why)
    if "deleted" in query.flags:
        why = UsageError("what is deleted is told to no CRM", hint="take is:deleted out")
        raise _wrong(settings, name, "when", why)
    if any(one.lower() == "me" for one in query.assignees):
        why = UsageError("assignee:me is nobody here", hint="write the user's name, as in assignee:anna")
        raise _wrong(settings, name, "when", why)
    for account in query.accounts:
        if account not in settings.accounts:
            raise _wrong(settings, name, "when", _no_account(account, settings))
    known = sorted({account.platform for account in settings.accounts.values()})
    for platform in query.platforms:
        if platform not in known:
            close = difflib.get_close_matches(platform, known, n=1)
            why = UsageError(
                "no account is on {platform}",
                hint="did you mean {close}?" if close else "there are: {known}",
                platform=platform,
                close="".join(close),
                known=", ".join(known),
            )
            raise _wrong(settings, name, "when", why)


def _no_account(name: str, settings: Settings) -> UsageError:
    close = difflib.get_close_matches(name, list(settings.accounts), n=1)
    return UsageError(
        "{account} is no account",
        hint="did you mean {close}?" if close else "add [accounts.{account}], or name another",
        account=name,
        close="".join(close),
    )


def _check_title(settings: Settings, name: str, title: str) -> None:
    try:
        parts = list(string.Formatter().parse(title))
    except ValueError as error:
        why = UsageError("{why}", hint="a brace that is meant as one is written twice", why=error)
        raise _wrong(settings, name, "title", why) from None
    for _, field, form, conversion in parts:
        if field is not None and (field not in TITLE_FIELDS or form or conversion):
            why = UsageError(
                "{part} names nothing",
                hint="it may name: {known}",
                part="{" + field + "}",
                known=", ".join("{" + one + "}" for one in TITLE_FIELDS),
            )
            raise _wrong(settings, name, "title", why)


def _wrong(settings: Settings, rule: str, key: str, why: UsageError) -> ConfigError:
    facts = {name: value for name, value in why.facts.items() if name != "why"}
    return ConfigError(
        "{file}: activities.{rule}.{part_of_rule}: {why}",
        hint=why.hint,
        **{**facts, "file": settings.path, "rule": rule, "part_of_rule": key, "why": why},
    )
