"""`hub init`: writes a hub.toml to start from."""

from __future__ import annotations

from pathlib import Path

from hub import settings
from hub.cli.output import Output, command
from hub.errors import UnavailableError, UsageError
from hub.i18n import _

_HERE = Path(__file__).resolve().parent
# In an installed package the example lies beside this file, in a checkout it is kept in config/.
_EXAMPLES = (_HERE / "hub.example.toml", _HERE.parents[1] / "config" / "hub.example.toml")


@command("init", help=_("Write a hub.toml to start from, with every line explained."))
def init(out: Output) -> None:
    """Write the example; a file that is there is never overwritten."""
    path = settings.find_path(out.config)
    text = next(example for example in _EXAMPLES if example.exists()).read_text(encoding="utf-8")
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        raise UsageError(
            "{file} is there already; it stays as it is",
            hint="edit it, or name another one with --config",
            file=path,
        ) from None
    try:
        with file:
            file.write(text)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise UnavailableError("{file} cannot be written: {why}", file=path, why=error) from None
    out.line(_("Wrote {file}. Add your accounts there, then run `hub check`.").format(file=path))
    out.done({"file": str(path)})
