"""Says what went wrong, whatever it was, as a code, a message, a mend and an exit code."""

from __future__ import annotations

import os
import tempfile
import traceback
from pathlib import Path

import click

from hub.cli.output import INTERRUPTED, Failure
from hub.errors import ConfigError, HubError, UnavailableError, UsageError
from hub.i18n import _, words_of


def failure_of(error: BaseException, folder: Path) -> Failure:
    """Return what to say about an error; a defect of ours is written down whole in `folder`."""
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return Failure("interrupted", _("interrupted"), "", INTERRUPTED)
    if isinstance(error, click.ClickException):
        return _of_click(error)
    if isinstance(error, SystemExit):
        return _of_exit(error)
    known = error if isinstance(error, HubError) else _known(error)
    if known is not None:
        message, hint = words_of(known)
        return Failure(known.code, _safe(message), _safe(hint), known.exit_code)
    return _internal(error, folder)


def _of_click(error: click.ClickException) -> Failure:
    hint = ""
    message = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        hint = _("try `{command} --help`").format(command=error.ctx.command_path)
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            message = _("a command is missing")
    return Failure(UsageError.code, _safe(message), hint, UsageError.exit_code)


def _of_exit(error: SystemExit) -> Failure:
    """A plugin's command may end the process; its code stands."""
    code = error.code if isinstance(error.code, int) else int(error.code is not None)
    message = error.code if isinstance(error.code, str) else _("the command ended with {code}").format(code=code)
    return Failure("error", _safe(message), "", code)


def _known(error: BaseException) -> HubError | None:
    """Recognise what the machine says of a file or a disk."""
    if isinstance(error, OSError):
        file = error.filename or _("a file")
        why = error.strerror or type(error).__name__
        return UnavailableError("{file}: {why}", file=file, why=why)
    if isinstance(error, UnicodeDecodeError):
        return ConfigError("a file is not in UTF-8: {why}", why=str(error))
    return None


def _internal(error: BaseException, folder: Path) -> Failure:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    story = "".join(traceback.format_exception(error))
    hint = _("this is a defect of the hub")
    for place in (folder, Path(tempfile.gettempdir())):
        file = place / f"hub-error-{os.getpid()}.log"
        try:
            with os.fdopen(
                os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
            ) as log:
                log.write(_safe(story))
        except (OSError, UnicodeEncodeError):
            continue
        hint = _("this is a defect of the hub; the details are in {file}").format(file=file)
        break
    return Failure("internal", _safe(what), hint, 1)


def _safe(text: str) -> str:
    from hub.cli.logging import redact

    return redact(text)
