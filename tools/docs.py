"""Makes the tables of the docs from the code; with `--check` it writes nothing and shows what is stale."""

from __future__ import annotations

import ast
import difflib
import importlib.util
import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FunctionType
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
# Only what the tables are made of is imported, from this checkout.
sys.path.insert(0, str(ROOT))

import hub  # noqa: E402
from hub import adapter, errors, hookspecs, models, settings  # noqa: E402
from hub.cli.table import TABLE  # noqa: E402
from hub.registry import Registry  # noqa: E402
from hub.testing import faults, open_adapter  # noqa: E402
from hub.testing.world import double_of  # noqa: E402

_SECTION = re.compile(r"(<!-- made: (?P<name>[^>]+) -->\n)(?P<body>.*?)(<!-- end: (?P=name) -->)", re.DOTALL)

# What the hub does after each error; a new public error has to be given a line here.
_AFTER: dict[str, str] = {
    "TransientError": (
        "tries again: a call that may be repeated at once and within its deadline, a delivery later, "
        "with growing delay and jitter, or when `retry_after` is over"
    ),
    "AuthError": "pauses the account, keeps its queue, says so once; `hub check` resumes it",
    "RejectedError": "marks this delivery `failed`, with the message; the account goes on",
    "GoneError": (
        "as `RejectedError`; under `fetch_replies`: the thread is looked at once more, then never again"
    ),
    "StaleRecord": "reads the record again, and merges what both sides changed",
    "StaleCursor": "forgets the bookmark and reads anew; nobody is told of what is old",
    "DuplicateError": "takes the `receipt`, or calls `find`",
    "UnknownOutcome": "settles it, in the way that `settle` declares",
}
_ANYTHING_ELSE = (
    "anything else",
    "a defect of the plugin",
    "during `publish` an unknown outcome; elsewhere the account is left out this round and the plugin is named",
)


class _Network(NamedTuple):
    """What the code of a plugin does not say of itself: how it was tested, and when."""

    title: str
    tested: str
    on: str


_NETWORKS = {
    "wordpress": _Network(
        "WordPress",
        "real server (WordPress 6.1, PHP 8.2), official schemas and routes",
        "2026-11-22",
    ),
    "bluesky": _Network(
        "Bluesky",
        "real servers (PLC, PDS and AppView of dev-env 0.6.7), official lexicons",
        "2026-11-22",
    ),
    "mastodon": _Network(
        "Mastodon and its kin",
        "two federating real servers (snac2 2.75), emulator (mastodon-mock 0.6.1), recorded answers of 4.6",
        "2026-11-22",
    ),
    "telegram": _Network(
        "Telegram channels",
        "emulator, official description of the Bot API 10.1",
        "2026-11-22",
    ),
    "vk": _Network(
        "VK",
        "double against the official JSON schema, recorded answers",
        "2026-11-22",
    ),
    "facebook": _Network(
        "Facebook pages",
        "double against the official node specs, recorded answers",
        "2026-11-22",
    ),
    "twitter": _Network("X", "double against the official OpenAPI description, recorded answers", "2026-11-22"),
    "rss": _Network(
        "RSS, Atom, JSON Feed",
        "feeds written for the tests, well-formed and not; a real WordPress",
        "2026-11-22",
    ),
    "crm_generic": _Network(
        "any REST CRM",
        "double against HubSpot's official OpenAPI description (as the account in the docs)",
        "2026-11-22",
    ),
    "carddav": _Network(
        "address books by CardDAV",
        "real server (Radicale 3.9.0), cards exported by phones and mail programs",
        "2026-11-22",
    ),
}


def first_paragraph(thing: object) -> str:
    """Return the docstring's first paragraph, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def whole(thing: object) -> str:
    """Return the docstring on one line."""
    return " ".join((inspect.getdoc(thing) or "").split())


def signature(function: FunctionType) -> str:
    """Return name, parameters and result as they are written."""
    return (
        f"{function.__name__}{inspect.signature(function)}".replace("'", "")
        .replace("self, ", "")
        .replace("(self)", "()")
    )


_VALUES: tuple[type, ...] = (
    *(models.Post, models.Media, models.Receipt, models.RemotePost, models.Mention, models.Author, models.Thread),
    *(models.Batch, models.Identity, models.Limits, models.Contact, models.Note),
)


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    lines = [list(heads), *[list(row) for row in rows]]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def hooks() -> str:
    """Return the hooks, as their specifications say."""
    found = [
        function
        for name, function in vars(hookspecs).items()
        if inspect.isfunction(function) and function.__module__ == hookspecs.__name__ and not name.startswith("_")
    ]
    return table(("hook", "what it is for"), ((f"`{signature(one)}`", whole(one)) for one in found))


def roles() -> str:
    """Return the roles with their verbs; `*` marks what a plugin must write."""
    rows = []
    kinds: list[type] = [adapter.Adapter, *adapter.ROLES]
    for role in kinds:
        for name, verb in vars(role).items():
            if inspect.isfunction(verb) and not name.startswith("_") and name not in ("sign", "explain"):
                must = "\\*" if getattr(verb, "__isabstractmethod__", False) else ""
                rows.append((f"`{role.__name__}`", f"`{signature(verb)}`{must}", whole(verb)))
    return table(("role", "verb", "rule"), rows)


def error_table() -> str:
    """Return what a plugin may raise, and what the hub does next."""
    public = (getattr(hub, name) for name in hub.__all__)
    kinds: set[type] = {one for one in public if inspect.isclass(one) and issubclass(one, errors.HubError)}
    order = list(_AFTER)
    # The others are the hub's own to raise.
    mine = sorted(
        kinds - {errors.HubError, errors.ConfigError, errors.PluginError},
        key=lambda one: order.index(one.__name__),
    )
    rows = [(f"`{one.__name__}`", first_paragraph(one), _AFTER[one.__name__]) for one in mine]
    return table(("raise", "it means", "the hub then"), [*rows, _ANYTHING_ELSE])


def fields(made: type) -> str:
    """Return the fields of a class as its source has them."""
    body = ast.parse(inspect.getsource(made)).body[0]
    assert isinstance(body, ast.ClassDef)
    return ", ".join(ast.unparse(line) for line in body.body if isinstance(line, ast.AnnAssign))


def value_list() -> str:
    """Return the values that plugins and hub hand each other."""
    return "\n".join(f"`{made.__name__}({fields(made)})`<br>\n{whole(made)}\n" for made in _VALUES)


def account_options() -> str:
    """Return the keys of an account's table that the hub itself takes."""
    return f"`{fields(settings.AccountOptions)}`<br>\n{whole(settings.AccountOptions)}\n"


def commands() -> str:
    """Return the commands with their line of help."""
    return table(("command", "what it does"), ((f"`hub {name}`", entry.help) for name, entry in TABLE.items()))


def networks() -> str:
    """Return the platforms that come along: what each can do, how it settles, what it takes."""
    registry = Registry.discover()
    rows = []
    for platform, known in _NETWORKS.items():
        kind = registry.adapters[platform]
        settle, limits = "–", "–"
        if issubclass(kind, adapter.Publisher):
            settle, limits = _on_its_double(kind)
        can = ", ".join(_CAN[role] for role in registry.roles(platform))
        rows.append((f"{known.title} (`{platform}`)", can, settle, limits, known.tested, known.on))
    heads = ("network", "what the plugin does", "settles by", "limits of one post", "tested on", "last")
    return table(heads, rows)


def _on_its_double(kind: type[adapter.Publisher]) -> tuple[str, str]:
    """Return how a plugin settles and what it takes; some ask their network for that."""
    made = double_of(kind)
    assert made is not None
    with made() as double:
        account = open_adapter(kind, double.account())
        limits = account.limits()
        settle = account.settle  # some learn it where they learn the limits
        account.http.close()
    return f"`{settle}`", _limits(limits)


_CAN = {
    "Publisher": "publish",
    "Editor": "edit, delete",
    "Timeline": "timeline",
    "Listener": "mentions",
    "ThreadReader": "replies",
    "Searcher": "search",
    "Responder": "reply",
    "Commenter": "comments of others",
    "ContactSync": "contacts, notes",
    "WebhookReceiver": "webhooks",
}


def _limits(limits: models.Limits) -> str:
    named = {"codepoint": "characters", "weighted": "weighted characters", "utf16": "UTF-16 units"}
    unit = named.get(limits.unit, f"{limits.unit}s")
    facts = [f"{limits.maximum:,} {unit}" if limits.maximum else "any length"]
    if limits.maximum_with_media is not None and limits.maximum_with_media != limits.maximum:
        facts.append(f"{limits.maximum_with_media:,} beside an image")
    if limits.max_bytes:
        facts.append(f"{limits.max_bytes:,} bytes")
    if limits.link_cost is not None:
        facts.append(f"a link costs {limits.link_cost}")
    size = limits.media_bytes / (1_000_000 if limits.media_bytes % 1_000_000 == 0 else 1 << 20)
    facts.append(f"{limits.media_count} images" + (f" of {size:.0f} MB" if size else ""))
    return ", ".join(facts)


def floors() -> str:
    """Return the floors of the house, from the contract that import-linter checks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["type"] == "layers" and one["containers"] == ["hub"])
    return "```\n" + "".join(f"{layer}\n" for layer in layers) + "```\n"


def bench() -> str:
    """Return the figures, of the last benchmark that was written down, that have an aim; what they depend on."""
    text = (ROOT / "bench" / "RESULTS.md").read_text(encoding="utf-8")
    about = dict(re.findall(r"^- (\w+): (.*)$", text, re.MULTILINE))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    figures = [(what, middle, aim, met) for _, what, middle, aim, met, *_ in rows[2:] if aim]
    machine = f"{about['cores']} cores, Python {about['python']}, SQLite {about['sqlite']}"
    run = f"Run of {about['date'][:10]} on {machine}: the middle of all rounds, with the lowest and the highest.\n"
    return f"{run}What misses its aim says so.\n\n" + table(
        ("what, to which limit", "measured", "aim", ""), figures
    )


def scale() -> str:
    """Return what so many accounts need, on paper, from the unit costs that were written down last."""
    from bench import simulation

    return f"{simulation.page(simulation.read())}\n"


def included(path: str) -> str:
    """Return a file of this project as a block of code."""
    kind = {".py": "python", ".toml": "toml"}[Path(path).suffix]
    return f"```{kind}\n{(ROOT / path).read_text(encoding='utf-8')}```\n"


def fault_table() -> str:
    """Return the faults that a double knows, and when each may strike."""
    both = [fault.name for fault in faults.UNDONE if not fault.unread]
    never_done = [fault.name for fault in faults.UNDONE if fault.unread]
    done = [fault.name.partition(", after")[0] for fault in faults.DONE]
    rows = [
        ("the network did nothing", ", ".join([*both, *never_done])),
        ("it did what was asked", ", ".join(done)),
        ("as you need it", "`answered(reply)`, `late(seconds)`, `redirected(location)`, `too_many(retry_after)`"),
    ]
    return table(("struck when", "faults in `hub.testing.faults`"), rows)


def mistakes() -> str:
    """Return the mistakes that the kit is tested with, and the test that catches each."""
    spec = importlib.util.spec_from_file_location("mistakes", ROOT / "tests" / "testing" / "mistakes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return table(("mistake", "caught by"), ((one.name, f"`{one.caught_by}`") for one in module.MISTAKES))


_MAKERS: dict[str, Callable[[], str]] = {
    "hooks": hooks,
    "roles": roles,
    "errors": error_table,
    "values": value_list,
    "account options": account_options,
    "commands": commands,
    "networks": networks,
    "floors": floors,
    "bench": bench,
    "scale": scale,
    "faults": fault_table,
    "mistakes": mistakes,
}


def made(name: str) -> str:
    """Return what belongs between the markers of this name: a maker's, or `file PATH`."""
    return included(name.removeprefix("file ")) if name.startswith("file ") else _MAKERS[name]()


def renewed(text: str) -> str:
    """Return a page with everything between its markers made anew."""
    return _SECTION.sub(lambda found: found[1] + made(found["name"]) + found[4], text)


def pages() -> list[Path]:
    """Return every page that may hold markers."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def main(arguments: list[str]) -> int:
    """Write the pages, or say with `--check` which are stale."""
    stale = False
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = renewed(before)
        if before == after:
            continue
        stale = True
        if "--check" in arguments:
            name = page.relative_to(ROOT).as_posix()
            lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, f"{name}, made anew")
            print("\n".join(line.rstrip("\n") for line in lines))  # noqa: T201  # this is its answer
        else:
            page.write_text(after, encoding="utf-8")
    if stale and "--check" in arguments:
        print("run `make docs`")  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
