"""What a post carries for those who count it: UTM parameters in its link, and the mark of an advertisement."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

_MARK = "Реклама."


class Campaign(NamedTuple):
    """The UTM parameters of a link, "" for those that are not wanted."""

    source: str = ""
    medium: str = ""
    name: str = ""


class Ad(NamedTuple):
    """Who an advertisement is for, and its token. Russian law (347-FZ) wants both on every one of them."""

    advertiser: str = ""
    erid: str = ""


def with_utm(link: str, campaign: Campaign) -> str:
    """Add the UTM parameters to a link; one that the link has already stays as it is."""
    if not link:
        return link
    wanted = {"utm_source": campaign.source, "utm_medium": campaign.medium, "utm_campaign": campaign.name}
    try:
        parts = urlsplit(link)
    except ValueError:
        # What is no address is refused where it is published, in words of its own.
        return link
    has = {pair.partition("=")[0] for pair in parts.query.split("&")}
    added = [
        f"{name}={quote(value.strip(), safe='')}"
        for name, value in wanted.items()
        if value.strip() and name not in has
    ]
    if not added:
        return link
    query = "&".join([*([parts.query] if parts.query else []), *added])
    return urlunsplit(parts._replace(query=query))


def with_mark(text: str, ad: Ad) -> str:
    """Put the mark of an advertisement on a line of its own under the text."""
    if not ad.advertiser.strip() and not ad.erid.strip():
        return text
    token = f"erid: {ad.erid.strip()}" if ad.erid.strip() else ""
    mark = " ".join(part for part in (_MARK, ad.advertiser.strip(), token) if part)
    return f"{text.rstrip()}\n\n{mark}" if text.strip() else mark


def mark_of(text: str) -> str:
    """Return the mark under a text, "" if it has none."""
    last = text.rstrip().rpartition("\n")[2]
    return last if last.startswith(_MARK) else ""
