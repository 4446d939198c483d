"""Says which addresses are one: where a link leads, whatever way it was passed on."""

from __future__ import annotations

import re
from hashlib import blake2b
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

# What is added to an address to see where readers came from, or from which app; it changes nothing of the page.
_TRACKING = frozenset(
    (
        *("fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "twclid", "ttclid", "li_fat_id"),
        *("yclid", "ysclid", "_openstat", "rb_clickid", "vero_id", "wickedid", "oly_enc_id", "oly_anon_id"),
        *(
            "mc_cid",
            "mc_eid",
            "_hsenc",
            "_hsmi",
            "mkt_tok",
            "igsh",
            "igshid",
            "mibextid",
            "fref",
            "hc_ref",
            "rdid",
        ),
        *("ref", "ref_src", "ref_url", "refsrc", "cmpid", "amp", "outputtype", "share_id", "xtor"),
    )
)
_TRACKING_HEADS = ("utm_", "pk_", "mtm_", "__cft__", "__tn__", "__xts__", "hsa_")
# Pages that only lead on, and the parameter that says where to; many sites and apps use the same few.
_WRAPPERS = {
    "/away": ("to", "url"),
    "/away.php": ("to", "url"),
    "/l.php": ("u",),
    "/flx/warn": ("u",),
    "/iv": ("url",),
    "/url": ("q", "url"),
    "/redirect": ("q", "url", "to"),
    "/redir": ("url", "to"),
    "/linkfilter": ("url", "u"),
    "/leave": ("url",),
    "/share": ("url",),
    "/share/url": ("url",),
    "/sharer.php": ("u",),
    "/sharer/sharer.php": ("u",),
    "/share.php": ("url",),
    "/intent/tweet": ("url",),
    "/goto": ("url", "to", "u"),
}
# Copies of pages that a cache shows under its own name: the original is in the path.
_CACHED = re.compile(r"/(?:amp|c|v)/(?:(s)/)?([^/]+\.[^/]+/.*|[^/]+\.[^/]+)", re.DOTALL)
_CACHES = (".cdn.ampproject.org",)
# Heads of a host that show the same page: to phones, to caches, of old.
_HEADS = ("www.", "m.", "mobile.", "amp.", "touch.")
_INDEXES = ("/index.html", "/index.htm", "/index.php", "/amp", "/amp.html")
# The permalink of one remark: nothing behind it names another one.
_STATUS = re.compile(r"/status(?:es)?/\d+$")
_SAFE = "/:@!$&'()*+,;=~-._"
_LONGEST = 4096

# An address in a text, also without its scheme where it names a page.
_LINK = re.compile(
    r"https?://[^\s<>\"«»“”]+|(?<![\w@./:-])(?:[^\W_](?:[\w-]{0,61}\w)?\.){1,4}[^\W\d_]{2,24}(?::\d{1,5})?/[^\s<>\"«»“”]+",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?'’…*_"
_BRACKETS = {")": "(", "]": "[", "}": "{"}


def normalise(url: str) -> str:
    """Return the address as it is compared, "" if it is none of the web; the same for what it returned before.

    The scheme, a `www.`, a phone's or a cache's form of the page, a trailing slash, the fragment and what tracks
    readers do not count, and an address that only leads on is the one that it leads to. `www.` goes because sites
    answer with and without it and people write what they remember; two sites that differ in it alone are unheard
    of. Nothing is fetched: what a shortener hides only the network's own data tells.
    """
    seen = url.strip()
    for _ in range(8):
        made = _once(seen)
        if made == seen or not made:
            return made
        seen = made
    # Wrapped or escaped again and again: what no page of people has.
    return ""


def precise(url: str) -> str:
    """Return the address as `normalise` does, with its fragment: a remark's own, on sites that name it there."""
    place = normalise(url)
    fragment = url.partition("#")[2].strip()
    # Behind a wrapper the fragment is the wrapper's.
    if not place or not fragment or len(fragment) > 200 or not fragment.isprintable():
        return place
    return f"{place}#{fragment}"


def places(url: str) -> tuple[str, ...]:
    """Return what a link may lead to, the most exact first: a remark named by its fragment, then the page."""
    exact, page = precise(url), normalise(url)
    if not page:
        return ()
    return (page,) if exact == page else (exact, page)


def is_page(place: str) -> bool:
    """Tell whether a normalised address names a page, and not a whole site."""
    _, _, behind = place.partition("://")
    return "/" in behind or "?" in behind


def key(place: str) -> int:
    """Hash a normalised address, fit for a BIGINT."""
    return int.from_bytes(blake2b(place.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True)


def found_in(text: str) -> list[str]:
    """Return the addresses that a text shows, each once; one without a scheme needs a path."""
    if "/" not in text:
        return []
    found = dict.fromkeys(filter(None, map(_trimmed, _LINK.findall(text))))
    return [link if "://" in link else f"https://{link}" for link in found]


def _trimmed(link: str) -> str:
    """Leave out what belongs to the sentence: a stop, or a bracket that the address did not open."""
    while link:
        last = link[-1]
        if last in _TRAILING or (last in _BRACKETS and link.count(last) > link.count(_BRACKETS[last])):
            link = link[:-1]
        else:
            return link
    return ""


def _once(url: str) -> str:
    if len(url) > _LONGEST:
        return ""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _host(parts.hostname or "")
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    path = _path(parts.path)
    inner = _wrapped(host, path, parts.query)
    if inner:
        return inner
    place = f"https://{host}" if port in (None, 80, 443) else f"https://{host}:{port}"
    query = "" if not parts.query or _STATUS.search(path) else _query(parts.query)
    return f"{place}{path}?{query}" if query else place + path


def _host(host: str) -> str:
    host = host.strip(".").lower()
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    while True:
        head = next((head for head in _HEADS if host.startswith(head)), "")
        if not head or "." not in host[len(head) :]:
            break
        host = host[len(head) :]
    if ":" in host:
        return f"[{host}]"
    return host if _HOST.fullmatch(host) else ""


_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")


def _path(path: str) -> str:
    if "%" in path or not path.isascii() or not _PLAIN.fullmatch(path):
        path = quote(unquote(path, errors="replace").encode("utf-8", "replace"), safe=_SAFE)
    while True:
        path = path.rstrip("/")
        tail = next((tail for tail in _INDEXES if path.lower().endswith(tail)), "")
        if not tail:
            return path
        path = path[: -len(tail)]


_PLAIN = re.compile(r"[\w/:@!$&'()*+,;=~.-]*", re.ASCII)


def _query(query: str) -> str:
    kept = [
        (name, value)
        for name, value in parse_qsl(query, keep_blank_values=True, errors="replace")
        if name.lower() not in _TRACKING and not name.lower().startswith(_TRACKING_HEADS)
    ]
    return urlencode(sorted(kept), errors="replace")


def _wrapped(host: str, path: str, query: str) -> str:
    """Return the address that this one only leads to, "" if it stands for itself."""
    names = _WRAPPERS.get(path)
    if names and query:
        given = dict(parse_qsl(query, errors="replace"))
        for name in names:
            target = given.get(name, "").strip()
            if target.lower().startswith(("http://", "https://")):
                return target
    if host.endswith(_CACHES) or path.startswith("/amp/s/"):
        cached = _CACHED.fullmatch(path)
        if cached is not None:
            target = f"https://{cached[2]}"
            return f"{target}?{query}" if query else target
    return ""
