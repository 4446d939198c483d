"""Sets up the log: JSON lines on stderr for the daemon under a supervisor, plain lines for a person."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# The second wall: secrets are kept out of errors by hub/http.py; what slips through a plugin's own text ends here.
_SECRETS = re.compile(
    r"""(?ix)
    (?P<name>(?:access_token|refresh_token|client_secret|app_secret|appsecret_proof|oauth_token|api_key|password)
        ["']?\s*(?:=|:)\s*["']?)
    [^\s"'&,;]+
    | (?P<scheme>\b(?:Bearer|Basic)\s+) [A-Za-z0-9._~+/=-]{6,}
    """
)


# What a network or a CRM says of its own accord may name people: it is never theirs who run the hub.
_THEIR_WORDS = frozenset({"reason", "error", "exception"})
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def redact(text: str) -> str:
    """Put *** in place of what looks like a secret."""
    return _SECRETS.sub(lambda match: (match["name"] or match["scheme"] or "") + "***", text)


def configure(level: str, *, json: bool) -> None:
    """Send the log to stderr from `level` up; as JSON lines, or as lines for people."""
    render: Any = structlog.processors.JSONRenderer(ensure_ascii=False, default=str) if json else _plain
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso" if json else "%Y-%m-%d %H:%M:%S", utc=json),
            _short_exception if not json else structlog.processors.format_exc_info,
            _redact_values,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(_Stderr()),  # type: ignore[arg-type]  # it writes and flushes
        cache_logger_on_first_use=False,
    )


class _Stderr:
    """The stderr of now: a test or a supervisor may have changed it since the log was set up."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def _short_exception(_log: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A person wants to know what and where, in one line; the JSON log keeps the whole."""
    if event.pop("exc_info", None) and (error := sys.exception()) is not None:
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        event["error"] = f"{type(error).__name__}: {error}"
        if frame is not None:
            event["at"] = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"
    return event


def _redact_values(_log: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _EMAIL.sub("***", redact(value)) if name in _THEIR_WORDS else redact(value)
    return event


def _plain(_log: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    head = " ".join(str(event.pop(name)) for name in ("timestamp", "level", "event") if name in event)
    facts = " ".join(f"{name}={_quoted(value)}" for name, value in event.items())
    return f"{head} {facts}".rstrip()


def _quoted(value: object) -> str:
    text = " ".join(str(value).split())
    return f'"{text}"' if " " in text else text
