"""Tells what each of the Bot API's errors means for the hub."""

from __future__ import annotations

import msgspec

from hub import Answer, AuthError, GoneError, HubError, RejectedError, TransientError, UnknownOutcome

# Seconds; a network that asks for more is misread or broken.
_LONGEST_WAIT = 24 * 3600.0


class Parameters(msgspec.Struct):
    migrate_to_chat_id: int = 0
    retry_after: float | None = None


class Failure(msgspec.Struct):
    """`description` is free text: what it means is told by the code, then by fragments of it."""

    ok: bool
    error_code: int
    description: str
    parameters: Parameters | None = None


class NotModified(RejectedError):
    """The message says this already."""


class Migrated(RejectedError):
    """The group became a supergroup, and nothing was done; `chat` is its new id."""

    chat = 0


_GONE = (
    "message to edit not found",
    "message to delete not found",
    "message to be replied not found",
    "message to reply not found",
    "replied message not found",
    "message_id_invalid",
)
_RIGHTS = ("need administrator rights", "not enough rights", "have no rights", "chat_write_forbidden")
_HINTS = {
    "chat not found": "write the channel as @name, or by its id, such as -1001234567890, and add the bot to it",
    "message can't be deleted": "a bot may delete a message for 48 hours; later a person must do it in Telegram",
    "there is no text in the message": "Telegram cannot take the image out of a post; delete it and post anew",
    "too long": "shorten it: 4096 UTF-16 code units, 1024 beside an image",
}


def failure_in(answer: Answer) -> Failure | None:
    """Return the error that an answer tells in the Bot API's own shape, None if it tells none."""
    try:
        failure = msgspec.json.decode(answer.body, type=Failure)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return None if failure.ok else failure


def explain(failure: Failure, why: str, answer: Answer) -> HubError | None:
    """Tell what an error means for the hub; `why` is its description without secrets."""
    code, text = failure.error_code, failure.description.lower()
    wanted = failure.parameters or Parameters()
    message = "Telegram: {why} (error {code})"
    if code in (420, 429):
        # Without a wait of its own the header's is taken.
        waits = wanted.retry_after
        waits = None if waits is None else min(max(waits, 0.0), _LONGEST_WAIT)
        return None if waits is None else TransientError(message, retry_after=waits, why=why, code=code)
    if code >= 500:
        return (TransientError if answer.repeatable else UnknownOutcome)(message, why=why, code=code)
    if code in (401, 404):
        hint = "give the token as @BotFather shows it: 123456:ABC…, without a `bot` before it"
        return AuthError(message, why=why, code=code, hint=hint)
    if code == 409:
        return _conflict(message, text, why, code)
    if wanted.migrate_to_chat_id:
        hint = f"write group = {wanted.migrate_to_chat_id}"
        migrated = Migrated(message, why=why, code=code, hint=hint)
        migrated.chat = wanted.migrate_to_chat_id
        return migrated
    if code == 403 or any(part in text for part in _RIGHTS):
        hint = "make the bot an administrator of the channel and a member of its group, then `hub check`"
        return AuthError(message, why=why, code=code, hint=hint)
    if "message is not modified" in text:
        return NotModified(message, why=why, code=code)
    if any(part in text for part in _GONE):
        return GoneError(message, why=why, code=code)
    hint = next((hint for part, hint in _HINTS.items() if part in text), "")
    return RejectedError(message, why=why, code=code, hint=hint)


def _conflict(message: str, text: str, why: str, code: int) -> HubError:
    if "webhook" in text:
        hint = "a webhook takes the bot's updates; remove it with deleteWebhook, or give the hub a bot of its own"
        return RejectedError(message, why=why, code=code, hint=hint)
    hint = "another program reads this bot's updates, and takes them; give the hub a bot of its own"
    return TransientError(message, why=why, code=code, hint=hint)
