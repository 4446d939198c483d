"""`hub plugins new`: makes the package of a plugin out of the worked example, tests and all."""

from __future__ import annotations

import json
import re
from importlib.metadata import distribution
from pathlib import Path

import click

from hub.cli.output import Output, command
from hub.errors import UnavailableError, UsageError
from hub.i18n import _

_HERE = Path(__file__).resolve().parent
# In an installed package the example lies beside this file, in a checkout it is kept in docs/.
_EXAMPLES = (_HERE / "example", _HERE.parents[1] / "docs" / "example")
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# What each file of the example becomes; `{name}` is the platform's.
_FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "Makefile": "Makefile",
    "gitignore": ".gitignore",
    "test.yml": ".github/workflows/test.yml",
    "village.py": "hub_{name}/__init__.py",
    "sandbox.py": "hub_{name}/sandbox.py",
    "test_village.py": "tests/test_{name}.py",
}


@command("new", help=_("Make the package of a new plugin: class, double, tests with the conformance kit."))
@click.argument("name")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), help=_("The folder to make; hub-NAME otherwise.")
)
def new(out: Output, name: str, into: Path | None) -> None:
    """Write the files; a folder that is there is never written to."""
    check_name(name)
    folder = into or Path(f"hub-{name.replace('_', '-')}")
    written = make(folder, name)
    for path in written:
        out.line(str(folder / path))
    out.line()
    out.line(_("Its tests pass as they stand: cd {folder} && make test").format(folder=folder))
    out.line(_("Then make the double and the plugin speak as your network does."))
    out.done({"folder": str(folder), "files": [str(path) for path in written]})


def check_name(name: str) -> None:
    """Raise `UsageError` for a name that cannot be a platform's and a module's, or that is taken."""
    from hub.registry import Registry

    if not _NAME.fullmatch(name):
        usable = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")
        raise UsageError(
            "{name} cannot be the name of a plugin",
            hint="use small Latin letters, digits and _, such as {usable}",
            name=name,
            usable=usable or "mynet",
        )
    adapters = Registry.discover().adapters
    if name in adapters:
        raise UsageError(
            "the plugin {module} brings the platform {name} already",
            hint="take another name, or work on that one",
            name=name,
            module=adapters[name].__module__,
        )


def make(folder: Path, name: str) -> list[Path]:
    """Write the package of the plugin `name` into a new folder; return its files, relative to it.

    Raises `UsageError` if the folder is there and `UnavailableError` if it cannot be written.
    """
    example = next(place for place in _EXAMPLES if place.is_dir())
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(
            "{folder} is there already; it stays as it is", hint="name another one with --into", folder=folder
        ) from None
    except OSError as error:
        raise UnavailableError("{folder} cannot be made: {why}", folder=folder, why=error) from None
    written = []
    try:
        for source, target in _FILES.items():
            path = folder / target.format(name=name)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = (example / source).read_text(encoding="utf-8")
            path.write_text(_renamed(source, text, name), encoding="utf-8")
            written.append(path.relative_to(folder))
    except OSError as error:
        raise UnavailableError("{folder} cannot be written: {why}", folder=folder, why=error) from None
    return written


def _renamed(source: str, text: str, name: str) -> str:
    """Put the plugin's name in the place of the example's, as each of its spellings stands there."""
    for old, put in (
        ("hub-village", f"hub-{name.replace('_', '-')}"),
        ("village.example", f"{name.replace('_', '-')}.example"),
        ("VILLAGE", name.upper()),
        ("Village", "".join(part.capitalize() for part in name.split("_"))),
        ("village", name),
    ):
        text = text.replace(old, put)
    if source == "Makefile":
        text = text.replace("?= crosshub[testing]", f"?= {requirement()}")
    return text


def requirement() -> str:
    """Return what pip must be asked for to get the hub that runs, with its kit, from where it was installed."""
    package = distribution("crosshub")
    # PEP 610: there only if it was installed from an address, not from an index by its name.
    origin = json.loads(package.read_text("direct_url.json") or "{}")
    if not origin:
        return f"crosshub[testing]>={package.version}"
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        return f"crosshub[testing] @ {vcs['vcs']}+{origin['url']}@{vcs['commit_id']}"
    return f"crosshub[testing] @ {origin['url']}"
