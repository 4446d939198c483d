"""What a value of a contact is compared by: e-mails, phone numbers, handles and addresses in one spelling."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote, urlsplit

EMAILS = "emails"
PHONES = "phones"
URL = "url"
LINKS = "links"
VERIFIED = "verified_links"
HANDLES = "handles."
# What a profile leads to is compared and never shown as a field.
UNSHOWN = frozenset({LINKS, VERIFIED})

# What nobody reads in two ways; the library knows the rest, such as names of hosts in other letters.
_PLAIN_EMAIL = re.compile(
    r"[a-z0-9]+(?:[._+-][a-z0-9]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,24}", re.IGNORECASE
)
_HEADS = ("www.", "m.", "mobile.")
_LONGEST = 2000


def normal(field: str, value: str, region: str = "") -> str:
    """Return what a value is compared by, "" if it is nothing to know a person by.

    `region` is the country of phone numbers that are written without one; without it such a number is none. A
    number's extension counts: behind one switchboard sit many people.
    """
    text = value.strip()
    if not text or len(text) > _LONGEST or "\0" in text:
        return ""
    if field == EMAILS:
        return _email(text)
    if field == PHONES:
        return _phone(text, region)
    if field in (URL, LINKS, VERIFIED):
        return address(text)
    if field.startswith(HANDLES):
        name = address(text).rpartition("/")[2] if "/" in text else text
        return name.removeprefix("@").casefold()
    return ""


def _email(text: str) -> str:
    if len(text) <= 64 and _PLAIN_EMAIL.fullmatch(text):
        return text.casefold()
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text, check_deliverability=False).normalized.casefold()
    except EmailNotValidError:
        return ""


@lru_cache(maxsize=4096)
def _phone(text: str, region: str) -> str:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{written};ext={number.extension}" if number.extension else written


def address(url: str) -> str:
    """Return the address of a profile or a site: without scheme, `www.`, query, fragment and closing slash."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host = (parts.hostname or "").removesuffix(".")
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or "." not in host or " " in host:
        return ""
    for head in _HEADS:
        host = host.removeprefix(head)
    # Old forums name the profile in the query alone.
    query = f"?{parts.query}" if parts.query and _names_somebody(parts.query) else ""
    return f"{host}{unquote(parts.path).rstrip('/')}{query}".casefold()


def _names_somebody(query: str) -> bool:
    first = query.partition("=")[0].casefold()
    return first in ("id", "u", "user", "uid", "userid", "user_id", "author", "member", "profile", "p", "showuser")
