"""What the double of X takes: the parameters of each call, the body of a new post, and the length of its text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from unicodedata import normalize

import regex

from hub.testing import Reply
from plugins.twitter.sandbox_door import Failed

_POST_FIELDS = {
    "post": "article article_title attachments card_uri community_id context_annotations conversation_id"
    " created_at display_text_range edit_controls entities geo id lang matched_media_notes media_metadata"
    " non_public_metrics note_post note_request_suggestions organic_metrics paid_partnership possibly_sensitive"
    " promoted_metrics public_metrics reply_settings scopes source suggested_source_links"
    " suggested_source_links_with_counts text withheld",
    "tweet": "article attachments author_id card_uri community_id context_annotations conversation_id created_at"
    " display_text_range edit_controls edit_history_tweet_ids entities geo id in_reply_to_user_id lang note_tweet"
    " possibly_sensitive public_metrics referenced_tweets reply_settings scopes source text withheld",
}
_EXPANSIONS = {
    "post": "article.cover_media article.media_entities attachments.media_keys attachments.media_source_tweet"
    " attachments.poll_ids author_id edit_history_post_ids entities.mentions.username geo.place_id"
    " in_reply_to_user_id referenced_posts username",
    "tweet": "article.cover_media article.media_entities attachments.media_keys attachments.media_source_tweet"
    " attachments.poll_ids author_id edit_history_tweet_ids entities.mentions.username geo.place_id"
    " in_reply_to_user_id referenced_tweets.id referenced_tweets.id.author_id",
}
_USER_FIELDS = (
    "confirmed_email connection_status created_at description entities id is_identity_verified location name"
    " parody profile_banner_url profile_image_url protected public_metrics url username verified verified_type"
    " withheld"
)
_MEDIA_FIELDS = "alt_text duration_ms height media_key preview_image_url public_metrics type url variants width"
_ID = re.compile(r"[0-9]{1,19}")
# Weights by config/v3.json of twitter-text: these code points weigh 1, all others 2, an emoji 2, a link 23.
_LIGHT = (range(0x1100), range(0x2000, 0x200E), range(0x2010, 0x2020), range(0x2032, 0x2038))
_LINK_WEIGHT = 23
# Top level domains that a double meets; the list of X's has over a thousand.
_DOMAIN = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:com|org|net|info|dev|io|ru|de|uk|fr|ai|me|co)"
_PLAIN_LINK = regex.compile(
    rf"(?:https?://|(?<![\w@#$./-])){_DOMAIN}(?![\w@-])(?::\d+)?(?:[/?#][À-ɏЀ-ӿ\w\-.~:/?#\[\]@!$&'()*+,;=%|]*)?",
    regex.ASCII | regex.IGNORECASE,
)
_EMOJI = regex.compile(
    r"\p{Emoji_Presentation}|\p{Emoji}\ufe0f|\p{Extended_Pictographic}\p{Emoji_Modifier}|\u20e3"
)

Check = Callable[[str], bool]


def _one_of(names: str) -> Check:
    allowed = set(names.split())
    return lambda text: bool(text) and set(text.split(",")) <= allowed


def _between(least: int, most: int) -> Check:
    return lambda text: text.isdigit() and least <= int(text) <= most


def _is_id(text: str) -> bool:
    return bool(_ID.fullmatch(text))


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def queries(spelling: str) -> dict[str, tuple[set[str], dict[str, Check]]]:
    """Return, for each route, which parameters must be there and how each is checked."""
    shown = {
        f"{spelling}.fields": _one_of(_POST_FIELDS[spelling]),
        "expansions": _one_of(_EXPANSIONS[spelling]),
        "user.fields": _one_of(_USER_FIELDS),
        "media.fields": _one_of(_MEDIA_FIELDS),
    }
    window = {"since_id": _is_id, "until_id": _is_id, "start_time": _is_time, "end_time": _is_time}
    paged = {**shown, **window, "pagination_token": bool}
    timeline: dict[str, Check] = {**paged, "max_results": _between(5, 100)}
    return {
        "GET /2/users/me": (set(), {name: shown[name] for name in ("user.fields", f"{spelling}.fields")}),
        "GET /2/tweets": ({"ids"}, {**shown, "ids": lambda text: _ids(text)}),
        "GET /2/users/:id/tweets": (set(), {**timeline, "exclude": _one_of("replies retweets")}),
        "GET /2/users/:id/mentions": (set(), timeline),
        "GET /2/tweets/search/recent": (
            {"query"},
            {
                **paged,
                "query": lambda text: 1 <= len(text) <= 512,
                "max_results": _between(10, 100),
                "next_token": bool,
                "sort_order": _one_of("recency relevancy"),
            },
        ),
        "GET /2/media/upload": ({"media_id"}, {"media_id": _is_id, "command": _one_of("STATUS")}),
    }


def check_query(rule: tuple[set[str], dict[str, Check]], query: Mapping[str, str], problems: str) -> None:
    """Raise `Failed` for a parameter that is unknown, missing or wrong."""
    required, checks = rule
    for name in sorted(required - set(query)):
        raise invalid(f"The `{name}` query parameter can not be empty", {name: []}, problems)
    for name, value in query.items():
        if name not in checks:
            raise invalid(
                f"The query parameter [{name}] is not one of {sorted(checks)}", {name: [value]}, problems
            )
        if not checks[name](value):
            why = f"The `{name}` query parameter value [{value}] is not valid"
            raise invalid(why, {name: [value]}, problems)


def weight(text: str) -> int:
    """Return how long a text is for X (docs.x.com/fundamentals/counting-characters)."""
    text = normalize("NFC", text)
    links = 0
    parts, done = [], 0
    for link in _PLAIN_LINK.finditer(text):
        links += 1
        parts.append(text[done : link.start()])
        done = link.start() + len(link.group().rstrip(".,:;!?'*|)"))
    parts.append(text[done:])
    return links * _LINK_WEIGHT + sum(_weight_of(each) for part in parts for each in regex.findall(r"\X", part))


def _weight_of(grapheme: str) -> int:
    if _EMOJI.search(grapheme):
        return 2
    return sum(1 if any(ord(point) in light for light in _LIGHT) else 2 for point in grapheme)


def check_post(body: Any, longest: int, problems: str) -> None:
    """Raise `Failed` for the body of a new post that X would not take; its text may weigh `longest`."""
    wrong = _wrong_with(body, longest)
    if wrong:
        raise invalid(wrong, {}, problems)


def invalid(message: str, parameters: Mapping[str, Any], problems: str) -> Failed:
    return Failed(
        Reply(
            {
                "errors": [{"parameters": parameters, "message": message}],
                "title": "Invalid Request",
                "detail": "One or more parameters to your request was invalid.",
                "type": problems + "invalid-request",
            },
            400,
            content_type="application/problem+json",
        )
    )


def _ids(text: str) -> bool:
    given = text.split(",")
    return len(given) <= 100 and all(_is_id(each) for each in given)


def _wrong_with(body: Any, longest: int) -> str:
    if not isinstance(body, dict):
        return "the body is no JSON object"
    inner = {
        "text": str,
        "media": {"media_ids", "tagged_user_ids"},
        "reply": {"in_reply_to_tweet_id", "exclude_reply_user_ids"},
        "edit_options": {"previous_post_id"},
        "quote_tweet_id": str,
        "reply_settings": str,
        "community_id": str,
        "made_with_ai": bool,
    }
    for name, value in body.items():
        rule = inner.get(name)
        if rule is None:
            return f"$.{name}: is not defined in the schema and the schema does not allow additional properties"
        if isinstance(rule, set) and (not isinstance(value, dict) or set(value) - rule):
            return f"$.{name}: is not as in the schema"
        if isinstance(rule, type) and not isinstance(value, rule):
            return f"$.{name}: has the wrong type"
    media = body.get("media", {}).get("media_ids", ["1"])
    if not isinstance(media, list) or not 1 <= len(media) <= 4:
        return "$.media.media_ids: there must be one to four"
    singles = [
        body.get("reply", {}).get("in_reply_to_tweet_id", "1"),
        body.get("edit_options", {}).get("previous_post_id", "1"),
    ]
    if not all(isinstance(each, str) and _is_id(each) for each in [*media, *singles]):
        return "an id does not match ^[0-9]{1,19}$"
    text = body.get("text", "")
    if not text.strip() and "media" not in body:
        return "the text is empty and there are no media"
    return f"the text is longer than {longest} weighted characters" if weight(text) > longest else ""
