"""Reads the form of Compose: what was typed, chosen and uploaded; a mistake is said, and nothing is lost."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple

from fastapi import Request
from sqlalchemy.engine import Connection
from starlette.datastructures import FormData, UploadFile

from hub.cli.arguments import checked, read_time
from hub.errors import HubError, UsageError
from hub.i18n import N_
from hub.models import Media
from hub.publishing.media import read_image
from hub.scheduling.hub import PUBLISH, Hub
from hub.store.outbox import uploads
from hub.store.outbox.drafts import Content, Draft
from hub.store.outbox.posts import Picture
from hub.users.roles import Permission, User

MAX_IMAGE = 20 * 1024 * 1024
MAX_IMAGES = 10
"""How large an image may be, in bytes, and how many a draft may have."""

# Half a novel: what is longer is a mistake, and each further letter would be cut and counted for every account.
_MAX_TEXT = 200_000

# Bytes of one field that is no file: a text of that length in any script.
_MAX_PART = 4 * _MAX_TEXT

_TEXTS = ("text", "title", "link", "utm_source", "utm_medium", "utm_campaign", "advertiser", "erid")


class Sheet(NamedTuple):
    """The form as it stands: for a draft (with the version that was seen) or for a new one, which has its key.

    `at` is the time as it was typed, and `timed` says that it counts. `mistakes` say what cannot be taken so.
    """

    key: str
    draft_id: int | None
    seen: int | None
    content: Content
    timed: bool
    at: str
    mistakes: Sequence[HubError] = ()


async def form_of(request: Request) -> AsyncIterator[FormData]:
    """Give the fields of a form and its files, which are closed after the answer; a route depends on it."""
    async with request.form(max_files=MAX_IMAGES, max_fields=500, max_part_size=_MAX_PART) as form:
        yield form


def blank(at: str = "", accounts: Sequence[str] = (), text: str = "", link: str = "") -> Sheet:
    """Return the form for something new; its key makes what it sends one draft and one post."""
    return Sheet(
        uuid.uuid4().hex, None, None, Content(text=text, link=link, accounts=tuple(accounts)), bool(at), at
    )


def of_draft(draft: Draft, hub: Hub) -> Sheet:
    """Return the form of a draft."""
    at = draft.content.publish_at
    shown = "" if at is None else at.astimezone(hub.settings.zone).strftime("%Y-%m-%dT%H:%M")
    return Sheet(draft.key, draft.id, draft.version, draft.content, at is not None, shown)


def choices(hub: Hub, user: User) -> list[str]:
    """Name the accounts that a user may write for."""
    return [
        name for name in hub.settings.accounts if PUBLISH in hub.kinds(name) and user.may(Permission.DRAFT, name)
    ]


def read(form: FormData, hub: Hub, user: User) -> Sheet:
    """Read the form; images are kept as soon as they are here, so that no mistake elsewhere loses them."""
    mistakes: list[HubError] = []
    texts = {name: _text(form, name, mistakes) for name in _TEXTS}
    names = choices(hub, user)
    versions = {}
    for name in names:
        own = _text(form, f"version-{name}", mistakes)
        if own.strip():
            versions[name] = own
    chosen = [str(name) for name in form.getlist("account")]
    unknown = [name for name in chosen if name not in names]
    if unknown:
        mistakes.append(UsageError("{name} is no account that you may write for", name=unknown[0]))
    timed, at = form.get("when") == "at", _line(form, "at")
    content = Content(
        **texts,
        accounts=tuple(sorted(set(chosen) - set(unknown))),
        versions=versions,
        pictures=_pictures(form, hub, mistakes),
        publish_at=_time(at, hub, mistakes) if timed else None,
    )
    draft_id, seen = _number(form, "draft"), _number(form, "version")
    return Sheet(_line(form, "key") or uuid.uuid4().hex, draft_id, seen, content, timed, at, mistakes)


def _text(form: FormData, name: str, mistakes: list[HubError]) -> str:
    # Browsers send lines as CR LF; what is stored, counted and compared has the one that people mean.
    text = str(form.get(name, "")).replace("\r\n", "\n")
    if len(text) > _MAX_TEXT:
        mistakes.append(
            UsageError("a text is longer than {most} characters", hint="make it shorter", most=_MAX_TEXT)
        )
        return text[:_MAX_TEXT]
    try:
        return checked(text, N_("the text"))
    except UsageError as error:
        mistakes.append(error)
        return text.replace("\0", "")


def _line(form: FormData, name: str) -> str:
    return str(form.get(name, "")).replace("\0", "").strip()


def _number(form: FormData, name: str) -> int | None:
    text = _line(form, name)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _time(at: str, hub: Hub, mistakes: list[HubError]) -> datetime | None:
    if not at:
        mistakes.append(UsageError("the time is missing", hint="say when it goes out, or choose now"))
        return None
    try:
        return read_time(at, hub.settings.zone)
    except UsageError as error:
        mistakes.append(error)
    except (OverflowError, ValueError):
        mistakes.append(UsageError("{text} is no time", hint='write it as "2026-12-01 10:00"', text=at))
    return None


def _pictures(form: FormData, hub: Hub, mistakes: list[HubError]) -> tuple[Picture, ...]:
    """Keep the new images, take out those that are not wanted, and give each the alt text beside it."""
    unwanted = {str(name) for name in form.getlist("without")}
    kept = [str(name) for name in form.getlist("media")]
    alts = [str(alt).replace("\r\n", "\n").replace("\0", "") for alt in form.getlist("alt")]
    alts += [""] * (len(kept) - len(alts))
    with hub.store.read() as connection:
        there = uploads.known(connection, kept)
    pictures = [
        Picture(name, alt.strip())
        for name, alt in zip(kept, alts, strict=False)
        if name in there and name not in unwanted
    ]
    if len(there) < len(set(kept)):
        mistakes.append(UsageError("an image is no longer here", hint="add it again"))
    fresh = []
    for upload in form.getlist("image"):
        if isinstance(upload, UploadFile) and upload.filename:
            image = _image(upload, mistakes)
            if image is not None:
                fresh.append(image)

    def keep(connection: Connection) -> list[str]:
        now = hub.clock()
        uploads.touch(connection, [picture.sha256 for picture in pictures], now)
        return [uploads.add(connection, image, now) for image in fresh]

    if fresh or pictures:
        have = {picture.sha256 for picture in pictures}
        pictures += [Picture(name) for name in dict.fromkeys(hub.store.write(keep)) if name not in have]
    if len(pictures) > MAX_IMAGES:
        mistakes.append(UsageError("there are more than {most} images", hint="take some out", most=MAX_IMAGES))
    return tuple(pictures)


def _image(upload: UploadFile, mistakes: list[HubError]) -> Media | None:
    name = upload.filename or ""
    content = upload.file.read(MAX_IMAGE + 1)
    if len(content) > MAX_IMAGE:
        mistakes.append(
            UsageError(
                "{name} is larger than {most} MB", hint="make it smaller", name=name, most=MAX_IMAGE // 1024**2
            )
        )
        return None
    try:
        return read_image(content, name)
    except HubError as error:
        mistakes.append(error)
        return None
