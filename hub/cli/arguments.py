"""Reads what a person typed: a text, a list of accounts, a time by the hub's clock, an image."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.adapter import Publisher
from hub.errors import RejectedError, UsageError
from hub.i18n import N_
from hub.models import Media, check_text
from hub.publishing.media import read_image
from hub.scheduling.hub import Hub
from hub.settings import Account

# Somebody who types a time means the minute.
_PATIENCE_SECONDS = 60


def read_text(text: str, which: str = N_("the text")) -> str:
    """Return the text, from stdin for `-`; raise `UsageError` for what no network takes and no database holds."""
    if text == "-":
        try:
            text = sys.stdin.read()
        except UnicodeDecodeError as error:
            raise UsageError("stdin is not in UTF-8: {why}", hint="convert it first", why=str(error)) from None
    return checked(text, which)


def checked(text: str, which: str) -> str:
    """Return the text; raise `UsageError` if it holds a NUL or bytes that are no UTF-8."""
    try:
        return check_text(which, text)
    except ValueError:
        what = N_("a NUL character") if "\0" in text else N_("bytes that are not UTF-8 (a lone surrogate)")
        raise UsageError("{which} holds {what}", hint="take it out", which=which, what=what) from None


def read_targets(hub: Hub, given: Sequence[str]) -> list[str]:
    """Return the accounts named in `--to A,B`, once each; every one must be able to publish."""
    names = list(dict.fromkeys(name.strip() for part in given for name in part.split(",") if name.strip()))
    if not names:
        raise UsageError("no account is named", hint="say where it goes: --to club,page")
    for name in names:
        account = hub.settings.accounts.get(name)
        if account is None:
            raise unknown_account(name, hub.settings.accounts, hub.settings.path)
        if not issubclass(hub.registry.adapter_class(account, hub.settings), Publisher):
            raise UsageError(
                "{name} is on {platform}, where the hub cannot publish",
                hint="`hub plugins` says what each platform can do",
                name=name,
                platform=account.platform,
            )
    return names


def read_versions(given: Sequence[str], targets: Sequence[str]) -> dict[str, str]:
    """Return the texts of `--version ACCOUNT=TEXT`, by account; every one must be for an account of the post."""
    found: dict[str, str] = {}
    for one in given:
        name, sign, text = one.partition("=")
        if not sign or name.strip() not in targets:
            raise UsageError(
                "{version} is no version for an account of this post",
                hint="write --version ACCOUNT=TEXT, with one of {targets}",
                version=one,
                targets=", ".join(targets),
            )
        found[name.strip()] = checked(text, N_("the text"))
    return found


def unknown_account(name: str, known: Mapping[str, Account], file: Path) -> UsageError:
    """Return the error for a name that is no account."""
    close = difflib.get_close_matches(name, list(known), n=1)
    if close:
        return UsageError("{name} is no account", hint="did you mean {close}?", name=name, close=close[0])
    return UsageError(
        "{name} is no account", hint="they are the [accounts.NAME] tables of {file}", name=name, file=file
    )


def read_time(text: str, zone: ZoneInfo) -> datetime:
    """Read `2026-12-01 10:00` by the clock of `zone`, or a time with its own offset; return it in UTC.

    Raises `UsageError` for a time that a change of clocks skips; of one that it repeats the first is meant.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError("{text} is no time", hint='write it as "2026-12-01 10:00"', text=text) from None
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    moment = found.replace(tzinfo=zone).astimezone(UTC)
    shown = moment.astimezone(zone).replace(tzinfo=None)
    if shown != found:
        raise UsageError(
            "{text} does not exist in {zone}: the clocks are put forward there",
            hint='write "{shown}", or give the offset from UTC, as in "2026-12-01 10:00+03:00"',
            text=text,
            zone=zone.key,
            shown=shown.strftime("%Y-%m-%d %H:%M"),
        )
    return moment


def is_past(moment: datetime, now: datetime) -> bool:
    """Tell whether a time has gone by, and not only because typing takes a while."""
    return (now - moment).total_seconds() > _PATIENCE_SECONDS


def read_images(paths: Sequence[Path], alts: Sequence[str]) -> list[Media]:
    """Read the images, the n-th with the n-th description; raise `UsageError` for what is none."""
    if len(alts) > len(paths):
        raise UsageError("there are more descriptions than images", hint="give --alt once for each --image")
    found = []
    for number, path in enumerate(paths):
        alt = checked(alts[number], N_("the description of an image")) if number < len(alts) else ""
        try:
            found.append(read_image(path.read_bytes(), str(path), alt))
        except OSError as error:
            raise UsageError("the image {file} cannot be read: {why}", file=path, why=error) from None
        except RejectedError as error:
            raise UsageError(error.message, hint=error.hint, **error.facts) from None
    return found
