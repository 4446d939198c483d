"""The errors that WordPress documents, as it sends them, and what the hub must make of each."""

from __future__ import annotations

from typing import Any, Literal

from hub import AuthError, DuplicateError, GoneError, HubError, RejectedError, TransientError, UnknownOutcome
from hub.testing import Refusal, Reply


def problem(status: int, code: str, message: str, **more: Any) -> Reply:
    """Return an error in WordPress's shape."""
    return Reply({"code": code, "message": message, "data": {"status": status, **more}}, status=status)


def page(status: int, title: str, **headers: str) -> Reply:
    """Return a page where an answer should be."""
    body = f"<!doctype html><title>{title}</title><h1>{title}</h1>".encode()
    return Reply(status=status, body=body, content_type="text/html", headers=headers)


_SLOW_DOWN = "You are posting comments too quickly. Slow down."
_DUPLICATE = "Duplicate comment detected; it looks as though you have already said that!"
_MAINTENANCE = "Briefly unavailable for scheduled maintenance. Check back in a minute."
_KINDS: dict[type[HubError], tuple[tuple[int, str, str], ...]] = {
    AuthError: (
        (401, "rest_not_logged_in", "You are not currently logged in."),
        (401, "incorrect_password", "The provided password is an invalid application password."),
        (401, "invalid_username", "Unknown username. Check again or try your email address."),
        (401, "rest_cannot_create", "Sorry, you are not allowed to create posts as this user."),
        (403, "rest_cannot_create", "Sorry, you are not allowed to create posts as this user."),
        (403, "rest_cannot_publish", "Sorry, you are not allowed to publish posts in this post type."),
        (403, "rest_cannot_edit_others", "Sorry, you are not allowed to create posts as this user."),
        (404, "rest_no_route", "No route was found matching the URL and request method."),
    ),
    RejectedError: (
        (400, "rest_invalid_param", "Invalid parameter(s): status"),
        (400, "rest_invalid_author", "Invalid author ID."),
        (400, "empty_content", "Content, title, and excerpt are empty."),
        (403, "rest_comment_closed", "Sorry, comments are closed for this item."),
        (403, "rest_comment_invalid_post_id", "Sorry, you are not allowed to create this comment without a post."),
        (403, "rest_forbidden", "Sorry, you are not allowed to do that."),
        (403, "rest_cannot_edit", "Sorry, you are not allowed to edit this post."),
        (501, "rest_trash_not_supported", "The post does not support trashing. Set 'force=true' to delete."),
    ),
    GoneError: (
        (404, "rest_post_invalid_id", "Invalid post ID."),
        (410, "rest_already_trashed", "The post has already been deleted."),
        (403, "rest_cannot_read_post", "Sorry, you are not allowed to read the post for this comment."),
    ),
    UnknownOutcome: ((500, "db_insert_error", "Could not insert post into the database."),),
}


def _refusal(
    name: str, reply: Reply, error: type[HubError], verb: Literal["publish", "read"], wait: float | None = None
) -> Refusal:
    return Refusal(f"{name} at a {verb}", reply, error, wait, verb)


REFUSALS = (
    *(
        Refusal(f"{status} {code}", problem(status, code, message), error)
        for error, kinds in _KINDS.items()
        for status, code, message in kinds
    ),
    Refusal("400 comment_flood", problem(400, "comment_flood", _SLOW_DOWN), TransientError, 15.0),
    Refusal("409 comment_duplicate", problem(409, "comment_duplicate", _DUPLICATE), DuplicateError),
    _refusal("a firewall's page", page(403, "Blocked"), UnknownOutcome, "publish"),
    _refusal("a firewall's page", page(403, "Blocked"), TransientError, "read"),
    _refusal("a page that is not found", page(404, "Nothing here"), UnknownOutcome, "publish"),
    _refusal("a page that is not found", page(404, "Nothing here"), TransientError, "read"),
    _refusal("maintenance", page(503, _MAINTENANCE, **{"Retry-After": "600"}), TransientError, "publish", 600.0),
    _refusal("a login page", page(200, "Log in"), UnknownOutcome, "publish"),
    _refusal("a login page", page(200, "Log in"), TransientError, "read"),
    _refusal("an ended password", problem(401, "rest_not_logged_in", "You are not logged in."), AuthError, "read"),
)
