"""Pure conversions between a CRM's JSON and the hub's contacts, as the settings describe them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec

from hub import Contact, clean_text
from plugins.crm_generic.expressions import MILLISECONDS, Get, getter
from plugins.crm_generic.templates import fill

if TYPE_CHECKING:
    from plugins.crm_generic.listing import Since
    from plugins.crm_generic.settings import ContactMap

_SEPARATORS = re.compile(r"[;,\s]+")


class Bookmark(msgspec.Struct, frozen=True, omit_defaults=True):
    """The cursor: the newest change that was surely read, or the CRM's own token."""

    updated_at: datetime | None = None
    token: str = ""

    @property
    def begins(self) -> bool:
        """Whether nothing was read before."""
        return self.updated_at is None and not self.token


def contact_reader(fields: ContactMap, site: str = "") -> Callable[[Sequence[Any]], list[Contact]]:
    """Return the function from the records of a page to contacts. `site` is the CRM's scheme and host.

    It raises ValueError, naming the record and the key of the map, for a record that the map does not fit.
    """
    zone = ZoneInfo(fields.timezone)
    converts: dict[str, Get] = {
        "id": _id,
        "name": text,
        "emails": _emails,
        "phones": texts,
        "updated_at": lambda value: moment(value, zone),
        "url": text,
        "deleted": truth,
        "key": text,
        "version": text,
    }
    parts = [
        (name, getter(expression), convert)
        for name, convert in converts.items()
        if (expression := getattr(fields, name)) is not None
    ]
    address = fields.link if fields.link and "{id}" in fields.link else ""
    if fields.link and not address:
        parts.append(("link", getter(fields.link), text))
    handles = [(f"handles.{name}", getter(expression), text) for name, expression in fields.handles.items()]
    others = [(f"fields.{name}", getter(expression), field) for name, expression in fields.fields.items()]

    def taken(record: Any, parts: Sequence[tuple[str, Get, Get]]) -> dict[str, Any]:
        found = {}
        for key, get, convert in parts:
            try:
                found[key] = convert(get(record))
            except ValueError as error:  # JMESPath's own errors are ValueErrors too
                raise ValueError(f"map.{key}: {error}") from None
        return found

    def contact(record: Any) -> Contact:
        found = taken(record, parts)
        if address:
            found["link"] = fill(address, {"id": quote(found["id"], safe=""), "site": site})
        return Contact(
            remote_id=found.pop("id"),
            handles={key[8:]: handle for key, handle in taken(record, handles).items() if handle},
            fields={key[7:]: value for key, value in taken(record, others).items() if value} if others else {},
            **found,
        )

    def read(records: Sequence[Any]) -> list[Contact]:
        contacts: list[Contact] = []
        for record in records:
            try:
                contacts.append(contact(record))
            except ValueError as error:
                raise ValueError(f"record {len(contacts) + 1} of the page: {error}") from None
        return contacts

    return read


def text(value: Any) -> str:
    """Return a text or a number as text, "" for nothing, which may be null or false."""
    if isinstance(value, str):
        return clean_text(value).strip()
    if value is None or value is False:  # some CRMs say false for a text that is not there
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"gave a {type(value).__name__} instead of a text")


def field(value: Any) -> str | list[str]:
    """Return what a field of the account's own holds, as a text or a list of texts."""
    if isinstance(value, list):
        return list(dict.fromkeys(found for each in value if (found := _scalar(each))))
    return _scalar(value)


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else text(value)


def _id(value: Any) -> str:
    if isinstance(value, float) or not (found := text(value)):
        raise ValueError("gave no id")
    return found


def texts(value: Any) -> list[str]:
    """Return a text, or a list of texts, as a list without empty ones and repetitions."""
    values = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(found for each in values if (found := text(each))))


def _emails(value: Any) -> list[str]:
    return texts([part for each in texts(value) for part in _SEPARATORS.split(each)])


def truth(value: Any) -> bool:
    """Tell whether a CRM means yes: a flag of whatever type, or the time at which it was set."""
    if isinstance(value, str):
        return value.strip().lower() not in ("", "0", "n", "no", "false")
    return bool(value)


def moment(value: Any, zone: ZoneInfo) -> datetime | None:
    """Return a time in UTC from ISO text, or seconds or milliseconds since 1970; None for nothing."""
    found = text(value)
    if not found or found.startswith("0000-00-00"):
        return None
    try:
        try:
            number = float(found)
        except ValueError:
            then = datetime.fromisoformat(found)
            return (then if then.tzinfo else then.replace(tzinfo=zone)).astimezone(UTC)
        return datetime.fromtimestamp(number / 1000 if abs(number) > MILLISECONDS else number, UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{found[:40]!r} is no time that can be read") from None


def seconds(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header, None if it is absent or a date."""
    return float(value) if value and value.isascii() and value.isdigit() else None


def http_date(value: str | None) -> datetime | None:
    """Return the time of a Date header, None if there is no readable one."""
    try:
        then = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return then if then.tzinfo else then.replace(tzinfo=UTC)


def since_of(newest: datetime | None, since: Since | None, timezone: str) -> dict[str, Any]:
    """Return what {since} stands for, as `fill` takes it; empty for a first and for a full read."""
    if since is None:
        return {}
    if newest is None:
        return {} if since.first is None else {"since": since.first}
    try:
        return {"since": written(newest - timedelta(seconds=since.overlap), since.format, timezone)}
    except OverflowError:
        return {}


def written(then: datetime, form: str, timezone: str) -> str | int:
    """Write a time as a CRM wants it: `iso`, `unix`, `unix_ms`, or a pattern, in the CRM's time zone."""
    then = then.astimezone(ZoneInfo(timezone))
    if form == "iso":
        return then.isoformat(timespec="seconds").replace("+00:00", "Z")
    if form == "unix":
        return int(then.timestamp())
    if form == "unix_ms":
        return int(then.timestamp()) * 1000
    return then.strftime(form)


def bookmark_of(cursor: str | None) -> Bookmark:
    """Read a cursor; one that is not ours means: from the beginning."""
    try:
        return msgspec.json.decode(cursor or "{}", type=Bookmark)
    except msgspec.DecodeError:
        return Bookmark()


def cursor_of(bookmark: Bookmark) -> str:
    """Write the cursor."""
    return msgspec.json.encode(bookmark).decode()
