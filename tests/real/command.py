"""The hub as its user has it: a hub.toml in a folder, and the command line."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from real.serving import until

from hub.adapter import Adapter
from hub.cli.main import main
from hub.testing.world import account_table

# A server on loopback shows at once what it took, and a late answer need not be waited for long.
_HEAD = """[hub]
deadline = "4s"
posts_per_hour = 0
[schedule]
publish = "every 1s"
listen = "every 1s"
"""


class Command:
    """Calls `hub` in a folder of its own, in this process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.config = folder / "hub.toml"
        self.config.write_text(_HEAD, encoding="utf-8")

    def add(self, name: str, adapter: type[Adapter], settings: Mapping[str, Any], **options: Any) -> None:
        """Write an account into hub.toml; `options` are the hub's own, such as `overflow`."""
        table = account_table(adapter, settings, self.folder, name)
        known = {"settle_after": "1s", "calls_per_second": 1000, **options}
        table += [f"{key} = {json.dumps(value)}" for key, value in known.items()]
        self.append("\n".join(table))

    def append(self, toml: str) -> None:
        """Write more into hub.toml."""
        with self.config.open("a", encoding="utf-8") as file:
            file.write(toml + "\n")

    def __call__(self, *words: str, code: int = 0) -> dict[str, Any]:
        """Call `hub WORDS --json` and return its document; it must end with `code`."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            ended = main([*words, "--json", "--no-input", "--config", str(self.config)])
        assert ended == code, f"hub {' '.join(words)} ended with {ended}:\n{out.getvalue()}\n{err.getvalue()}"
        document: dict[str, Any] = json.loads(out.getvalue())
        return document

    def tick(self) -> dict[str, Any]:
        """Do everything there is; what went wrong with an account is in the document."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(["tick", "--all", "--json", "--no-input", "--config", str(self.config)])
        self.last: dict[str, Any] = json.loads(out.getvalue())
        return self.last

    def post(self, text: str, to: str, *words: str) -> int:
        """Accept a post and return its number."""
        number: int = self("post", text, "--to", to, *words)["post"]["id"]
        return number

    def deliveries(self, post: int) -> list[dict[str, Any]]:
        """Return what became of a post, part by part."""
        posts = {one["id"]: one for one in self("posts")["posts"]}
        found: list[dict[str, Any]] = posts[post]["deliveries"]
        return found

    def states(self, post: int) -> set[str]:
        return {one["state"] for one in self.deliveries(post)}

    def published(self, post: int, seconds: float = 40.0) -> list[str]:
        """Tick until a post is out; return its remote ids, in the order of its parts."""
        self.until(lambda: self.states(post) == {"published"}, f"post {post} is out", seconds)
        return [one["remote_id"] for one in self.deliveries(post)]

    def until(self, claim: Callable[[], object], what: str, seconds: float = 40.0) -> None:
        """Tick until `claim` is true."""

        def step() -> bool:
            self.tick()
            return bool(claim())

        try:
            until(step, what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the last tick: {json.dumps(self.last)}") from None

    def news(self) -> dict[str, int]:
        """Return what the last tick brought: mentions that are new, changed and deleted."""
        found: dict[str, int] = self.last["mentions"]
        return found

    def tree(self, word: str) -> list[dict[str, Any]]:
        """Return what was said about the post whose title holds this word, as a tree; nothing if nothing was."""
        for one in self("discussions")["discussions"]:
            if word in one["title"]:
                return list(self("discussion", str(one["id"]))["discussion"]["mentions"])
        return []
