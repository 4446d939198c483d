"""What the double of VK takes: the parameters of each method, the form of each, and the shape of an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from hub.testing import Reply

_INT = re.compile(r"-?\d+\Z")
_KINDS: dict[str, Callable[[str], bool]] = {
    "text": lambda value: True,
    "int": lambda value: bool(_INT.match(value)),
    "count": lambda value: value.isdecimal(),
    "flag": lambda value: value in ("0", "1"),
    "sort": lambda value: value in ("asc", "desc", "smart"),
    "filter": lambda value: value in ("owner", "others", "all", "postponed", "suggests", "archived", "donut"),
    "ids": lambda value: all(re.fullmatch(r"\d+|[\w.]+", one) for one in value.split(",")),
}
# Parameter to kind; a `!` marks one that must be there.
PARAMS: dict[str, dict[str, str]] = {
    "wall.post": {
        "owner_id": "int",
        "from_group": "flag",
        "message": "text",
        "attachments": "text",
        "signed": "flag",
        "publish_date": "count",
        "guid": "text",
        "close_comments": "flag",
        "mark_as_ads": "flag",
        "mute_notifications": "flag",
        "copyright": "text",
    },
    "wall.edit": {"owner_id": "int", "post_id": "count!", "message": "text", "attachments": "text"},
    "wall.delete": {"owner_id": "int", "post_id": "count"},
    "wall.get": {
        "owner_id": "int",
        "domain": "text",
        "offset": "count",
        "count": "count",
        "filter": "filter",
        "extended": "flag",
        "fields": "text",
    },
    "wall.getComments": {
        "owner_id": "int",
        "post_id": "count",
        "need_likes": "flag",
        "start_comment_id": "count",
        "offset": "int",
        "count": "count",
        "sort": "sort",
        "preview_length": "count",
        "extended": "flag",
        "fields": "text",
        "comment_id": "count",
        "thread_items_count": "count",
    },
    "wall.createComment": {
        "owner_id": "int",
        "post_id": "count!",
        "from_group": "count",
        "message": "text",
        "reply_to_comment": "int",
        "attachments": "text",
        "guid": "text",
    },
    "newsfeed.getMentions": {
        "owner_id": "int",
        "start_time": "count",
        "end_time": "count",
        "offset": "count",
        "count": "count",
    },
    "newsfeed.search": {
        "q": "text",
        "extended": "flag",
        "count": "count",
        "start_time": "count",
        "end_time": "count",
        "start_from": "text",
        "fields": "text",
    },
    "photos.getWallUploadServer": {"group_id": "int"},
    "photos.saveWallPhoto": {
        "user_id": "count",
        "group_id": "count",
        "photo": "text!",
        "server": "int",
        "hash": "text",
        "caption": "text",
    },
    "users.get": {"user_ids": "ids", "fields": "text", "name_case": "text"},
    "groups.getById": {"group_ids": "ids", "group_id": "ids", "fields": "text"},
}
MOST = {"wall.get": 100, "wall.getComments": 100, "newsfeed.getMentions": 50, "newsfeed.search": 200}
USUAL = {"wall.get": 20, "wall.getComments": 10, "newsfeed.getMentions": 20, "newsfeed.search": 30}
# Texts and files that VK takes: the first is often quoted, in no official source; the others are dev.vk.com's.
LONGEST_TEXT = 16_384  # characters
MOST_PHOTOS = 10
BIGGEST_PHOTO = 50 * 1024 * 1024  # bytes


class Failed(Exception):
    """VK's answer is an error."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text


def vk_error(code: int, text: str, params: Mapping[str, str] | None = None) -> Reply:
    """Return an error in VK's shape: HTTP 200, the request echoed."""
    echoed = [{"key": key, "value": value} for key, value in (params or {}).items()]
    return Reply(json={"error": {"error_code": code, "error_msg": text, "request_params": echoed}})


def invalid(what: str) -> Failed:
    return Failed(100, f"One of the parameters specified was missing or invalid: {what}")


def check_params(method: str, params: Mapping[str, str]) -> None:
    """Raise `Failed` for a parameter that is unknown, missing or wrong."""
    allowed = PARAMS[method]
    for name, value in params.items():
        if name not in allowed:
            raise invalid(f"{name} is unknown")
        if not _KINDS[allowed[name].rstrip("!")](value):
            raise invalid(f"{name} is wrong")
    for name, wanted in allowed.items():
        if wanted.endswith("!") and not params.get(name):
            raise invalid(f"{name} is undefined")
    if int(params.get("count", 0)) > MOST.get(method, 1000):
        raise invalid("count is too big")
