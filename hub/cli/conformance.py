"""`hub plugins check`: tests an installed plugin with the conformance kit, against the double that it ships."""

from __future__ import annotations

import difflib
import os
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hub.cli.output import Output, command
from hub.errors import HubError, PluginError, UnavailableError, UsageError
from hub.i18n import _
from hub.registry import Registry

if TYPE_CHECKING:
    import pytest

_MODULE = """\
from hub.registry import Registry
from hub.testing import AdapterContract
from hub.testing.world import double_of


class Test{title}(AdapterContract):
    adapter = Registry.discover().adapters[{name!r}]
    double = double_of(adapter)
"""


@command(
    "check",
    help=_("Test an installed plugin with the conformance kit; no network and no hub.toml is needed."),
    epilog=_("It speaks to the double that the plugin ships, never to the real network."),
)
@click.argument("name")
def check(out: Output, name: str) -> None:
    """Run the kit and print its score card; exit 1 if the score is not full."""
    try:
        import pytest
    except ModuleNotFoundError:
        raise UnavailableError(
            "the conformance kit needs pytest, which is not installed", hint="pip install 'crosshub[testing]'"
        ) from None
    _has_double(name)
    heard = _Heard()
    with tempfile.TemporaryDirectory(prefix="hub-check-") as folder:
        title = "".join(part.capitalize() for part in name.split("_"))
        module = Path(folder) / f"test_{name}.py"
        module.write_text(_MODULE.format(name=name, title=title), encoding="utf-8")
        # An empty configuration, so that a pytest.ini of this folder does not meddle.
        quiet = ["-c", os.devnull, "--rootdir", folder, "-p", "no:cacheprovider", "--tb=short"]
        # Only the one document belongs on stdout then.
        with redirect_stdout(sys.stderr if out.json else sys.stdout):
            pytest.main([*quiet, str(module)], plugins=[heard])
    whole = bool(heard.passed) and not heard.failed
    out.done(
        {"plugin": name, "passed": len(heard.passed), "failed": heard.failed, "skipped": len(heard.skipped)},
        0 if whole else HubError.exit_code,
    )


def _has_double(name: str) -> None:
    """Raise `UsageError` for a platform that no plugin brings, `PluginError` for a plugin without a double."""
    from hub.testing.world import double_of

    adapters = Registry.discover().adapters
    if name not in adapters:
        close = "".join(difflib.get_close_matches(name, adapters, n=1))
        raise UsageError(
            "no plugin knows the platform {name}",
            hint="did you mean {close}?" if close else "`hub plugins` lists what is installed",
            name=name,
            close=close,
        )
    if double_of(adapters[name]) is None:
        raise PluginError(
            "the plugin {name} ships no double, so there is nothing to test it against",
            hint="a double is a module `sandbox` beside the adapter; docs/plugins.md tells how to write one",
            name=name,
        )


class _Heard:
    """What pytest reports: the names of the tests by outcome."""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.skipped: set[str] = set()
        self.failed: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.rpartition("::")[2]
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            why = str(getattr(crash, "message", report.longrepr))
            self.failed.append({"test": name, "message": why})
            self.passed.discard(name)
        elif report.skipped:
            self.skipped.add(name)
        elif report.when == "call":
            self.passed.add(name)
