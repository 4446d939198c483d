"""A digest that is published: once, in step with what people say, and never taken for something new."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from discussions.digesting import Stage, staged

from hub.errors import UsageError
from hub.scheduling import digests as keeping
from hub.scheduling.keeping import Keeper
from hub.store.discussions import digest_lines, digests, left_out, mentions
from hub.store.discussions.digests import StoredDigest
from hub.store.running import switches
from hub.store.verify import verify
from hub.testing import faults
from plugins.wordpress.sandbox_form import Article


@pytest.fixture
def stage(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    with staged(tmp_path, database_url) as stage:
        yield stage


@pytest.fixture
def blog(tmp_path: Path) -> Iterator[Stage]:
    """The same on SQLite alone, with a route from the blog to the villages."""
    routes = '[routes.news]\nfrom = ["blog"]\nto = ["one", "two"]\n'
    with staged(tmp_path, routes=routes) as stage:
        yield stage


def as_post(stage: Stage, only: list[int] | None = None) -> StoredDigest:
    return keeping.publish(stage.hub.hub, stage.discussion, "blog", chosen=only)


def as_comments(stage: Stage, only: list[int] | None = None) -> StoredDigest:
    return keeping.publish(stage.hub.hub, stage.discussion, "blog", kind="comments", chosen=only)


def articles(stage: Stage) -> list[Article]:
    return [held for held in stage.doubles["blog"].held() if isinstance(held, Article)]


def ours(stage: Stage) -> list[tuple[str, str]]:
    """Return our comments on the blog: whose name they bear, and their first line."""
    known = {row["remote_id"] for row in stage.hub.rows("SELECT remote_id FROM digest_lines")}
    return [(one.person.name, one.text.split("\n")[0]) for one in stage.comments() if one.id in known]


def writes(stage: Stage) -> int:
    return sum(request.method != "GET" for request in stage.doubles["blog"].calls)


class TestAsAPost:
    def test_it_is_a_post_of_its_own_in_html_and_there_once(self, stage: Stage) -> None:
        stage.say("one", "Anna", "Is <b>it</b> good?")
        stage.say("two", "Boris", "It is")
        stage.listen()
        as_post(stage)
        stage.hub.tick()
        stage.listen(3)
        assert len(articles(stage)) == 2
        made = articles(stage)[-1]
        assert made.title == "What was said about “The news”"
        assert made.raw.startswith("<!-- wp:html -->\n<article")
        assert "Is &lt;b&gt;it&lt;/b&gt; good?" in made.raw
        assert re.search(r'<cite><a href="https://village.example/\d+#\d+"', made.raw)

    def test_it_follows_an_edit_a_deletion_and_who_is_left_out(self, stage: Stage) -> None:
        edited = stage.say("one", "Anna", "Before")
        deleted = stage.say("one", "Boris", "Unwise")
        stage.say("two", "Clara", "Private")
        stage.listen()
        as_post(stage)
        stage.hub.tick()
        stage.doubles["one"].edit_remark(edited, "After")
        stage.doubles["one"].delete_remark(deleted)
        stage.listen(2)
        raw = articles(stage)[-1].raw
        assert "After" in raw
        assert "edited" in raw
        assert not [word for word in ("Before", "Unwise", "Boris") if word in raw]
        with stage.store.read() as connection:
            author = left_out.author_of(connection, stage.number("Private"))
        assert author is not None
        stage.store.write(left_out.add, *author, stage.hub.clock())
        stage.hub.tick(minutes=1)
        assert "Clara" not in articles(stage)[-1].raw
        assert "Private" not in articles(stage)[-1].raw
        # Of what was taken back nothing is kept with the post either.
        kept = str(stage.hub.rows("SELECT text, html FROM posts") + stage.hub.rows("SELECT text FROM deliveries"))
        assert not [word for word in ("Before", "Unwise", "Private") if word in kept]
        assert len(articles(stage)) == 2
        assert verify(stage.store) == []

    def test_what_is_said_under_it_is_no_line_of_it(self, stage: Stage) -> None:
        stage.say("one", "Anna", "A remark")
        stage.listen()
        as_post(stage)
        stage.hub.tick()
        digest_post = articles(stage)[-1].id
        double = stage.doubles["blog"]
        double.say(double.add_guest("Zoe", "zoe@example.org"), digest_post, "What a digest")  # type: ignore[attr-defined]
        stage.listen(3)
        with stage.store.read() as connection:
            assert [each.text for each in mentions.newest(connection, 1)] == ["What a digest"]
        assert [line.text for line in stage.digest().lines] == ["A remark"]
        assert "What a digest" not in articles(stage)[-1].raw

    def test_even_if_its_thread_is_attached_by_hand(self, stage: Stage) -> None:
        from hub.discussions.collecting import watch

        stage.say("one", "Anna", "A remark")
        stage.listen()
        as_post(stage)
        stage.hub.tick()
        number = articles(stage)[-1].id
        double = stage.doubles["blog"]
        double.say(double.add_guest("Zoe", "zoe@example.org"), number, "What a digest")  # type: ignore[attr-defined]
        watch(stage.store, "blog", number, "", stage.hub.clock(), stage.discussion)
        stage.listen(3)
        assert [line.text for line in stage.digest().lines] == ["A remark"]

    @pytest.mark.parametrize("fault", [faults.LOST, faults.server_error(502).after], ids=str)
    def test_a_lost_answer_makes_no_second_one_and_routes_carry_none_of_it(
        self, blog: Stage, fault: faults.Fault
    ) -> None:
        blog.say("one", "Anna", "Is it “good” - really?")
        blog.listen()
        held = {name: len(blog.doubles[name].held()) for name in ("one", "two")}
        as_post(blog)
        blog.doubles["blog"].inject(fault, lambda request: request.method == "POST" and "/posts" in request.path)
        blog.hub.tick()
        blog.listen(4)
        assert blog.doubles["blog"].struck
        assert len(articles(blog)) == 2
        assert {name: len(blog.doubles[name].held()) for name in held} == held
        assert len(blog.hub.rows("SELECT id FROM posts")) == 2

    def test_another_network_gets_the_text_cut_to_what_it_takes(self, stage: Stage) -> None:
        for number in range(12):
            stage.say("two", "Anna", f"A rather long remark with the number {number} of many more like it")
        stage.listen()
        keeping.publish(stage.hub.hub, stage.discussion, "one")
        stage.hub.tick()
        made = stage.doubles["one"].held()[-1]
        assert made.text.startswith("What was said about “The news”")
        assert "<" not in made.text

    def test_it_is_stopped_and_taken_away(self, stage: Stage) -> None:
        said = stage.say("one", "Anna", "A remark")
        stage.listen()
        stored = as_post(stage)
        stage.hub.tick()
        keeping.stop(stage.hub.hub, stored)
        stage.doubles["one"].edit_remark(said, "Another")
        stage.listen()
        assert "Another" not in articles(stage)[-1].raw
        again = as_post(stage)
        assert again.id != stored.id
        stage.hub.tick()
        assert len(articles(stage)) == 3
        keeping.stop(stage.hub.hub, again, delete=True)
        stage.hub.tick()
        assert len(articles(stage)) == 2

    def test_where_it_is_published_already_it_gets_the_new_choice(self, stage: Stage) -> None:
        stage.say("one", "Anna", "First")
        stage.say("one", "Anna", "Second")
        stage.listen()
        first = as_post(stage)
        stage.hub.tick()
        again = as_post(stage, [stage.number("Second")])
        stage.hub.tick()
        assert again.id == first.id
        assert len(articles(stage)) == 2
        assert "First" not in articles(stage)[-1].raw

    def test_nothing_said_is_nothing_to_publish(self, stage: Stage) -> None:
        with pytest.raises(UsageError, match="nothing to publish"):
            as_post(stage)
        stage.say("one", "Anna", "First")
        stage.listen()
        with pytest.raises(UsageError, match="no mention 99"):
            as_post(stage, [99])
        with pytest.raises(UsageError, match="cannot publish comments of others"):
            keeping.publish(stage.hub.hub, stage.discussion, "one", kind="comments")


class TestAsComments:
    def test_each_line_is_a_comment_under_its_writers_name_with_a_link_to_the_original(self, stage: Stage) -> None:
        stage.say("blog", "Zoe", "Said on the blog itself")
        first = stage.say("one", "Anna", "Is 5 < 6 & more?")
        stage.say("one", "Boris", "It is", first)
        stage.say("two", "Clara", "Well done")
        stage.listen()
        as_comments(stage)
        stage.hub.tick()
        stage.listen(3)
        found = {one.person.name: one for one in stage.comments()}
        assert set(found) == {
            "Zoe",
            "Anna (village.example)",
            "Boris (village.example)",
            "Clara (village.example)",
        }
        anna, boris = found["Anna (village.example)"], found["Boris (village.example)"]
        original = f"https://village.example/{stage.post['one']}#{first}"
        assert anna.text == f"Is 5 < 6 & more?\n\n{original}"
        assert boris.parent_id == anna.id
        assert anna.sent_at == stage.doubles["one"].remarks[first].sent_at.replace(microsecond=0)
        assert stage.doubles["blog"].homes[anna.person.id] == original  # type: ignore[attr-defined]

    def test_they_do_not_come_back_as_mentions_and_are_not_digested_again(self, stage: Stage) -> None:
        stage.say("one", "Anna", "A remark")
        stage.listen()
        as_comments(stage)
        as_post(stage)
        stage.hub.tick()
        stage.listen(4)
        assert [row["text"] for row in stage.hub.rows("SELECT text FROM mentions")] == ["A remark"]
        assert len(stage.comments()) == 1
        assert [line.text for line in stage.digest().lines] == ["A remark"]

    def test_the_wait_that_the_network_asks_for_is_waited_however_long(self, blog: Stage) -> None:
        blog.say("one", "Anna", "A remark")
        blog.listen()
        as_comments(blog)
        blog.doubles["blog"].inject(faults.too_many("7200"), _commenting)
        blog.hub.tick()
        (line,) = blog.hub.rows("SELECT state, due_at FROM digest_lines")
        assert line["state"] == "waiting"
        now = (blog.hub.clock() - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)
        assert (line["due_at"] - now) / 1000 == pytest.approx(7200, abs=5)

    def test_what_answers_one_on_the_blog_stands_under_the_original(self, stage: Stage) -> None:
        stage.say("one", "Anna", "A question?")
        stage.listen()
        as_comments(stage)
        stage.hub.tick()
        (comment,) = stage.comments()
        stage.say("blog", "Zoe", "An answer", comment.id)
        stage.listen(2)
        assert [(line.depth, line.text) for line in stage.digest().lines] == [(0, "A question?"), (1, "An answer")]
        # It is there already.
        assert [one.text.split("\n")[0] for one in stage.comments()] == ["A question?", "An answer"]

    def test_what_answers_somebody_of_the_blog_is_put_under_them(self, stage: Stage) -> None:
        from hub.discussions import digests as planning
        from hub.discussions.digest import Line

        said = stage.say("blog", "Zoe", "On the blog")
        stage.say("one", "Anna", "Elsewhere")
        stage.listen()
        found = stage.digest()
        zoe, anna = (next(line for line in found.lines if line.author == name) for name in ("Zoe", "Anna"))
        under: list[Line] = [zoe, anna._replace(parent=zoe.key, depth=1)]
        stored = StoredDigest(
            1,
            1,
            "comments",
            "blog",
            stage.post["blog"],
            "",
            "",
            "en",
            "live",
            None,
            None,
            "",
            *[stage.hub.clock()] * 2,
        )
        (row,) = planning.wanted(stored, _with_lines(found, under)).values()
        assert (row["parent"], row["parent_id"]) == (None, said)

    def test_they_follow_an_edit_a_deletion_and_who_is_left_out(self, stage: Stage) -> None:
        edited = stage.say("one", "Anna", "Before")
        deleted = stage.say("one", "Boris", "Unwise")
        stage.say("one", "Dora", "An answer to it", deleted)
        stage.say("two", "Clara", "Private")
        stage.listen()
        as_comments(stage)
        stage.hub.tick()
        assert len(ours(stage)) == 4
        stage.doubles["one"].edit_remark(edited, "After")
        stage.doubles["one"].delete_remark(deleted)
        with stage.store.read() as connection:
            author = left_out.author_of(connection, stage.number("Private"))
        assert author is not None
        stage.store.write(left_out.add, *author, stage.hub.clock())
        stage.listen(2)
        assert sorted(ours(stage)) == [
            ("Anna (village.example)", "After"),
            ("Dora (village.example)", "An answer to it"),
        ]
        kept = str(stage.hub.rows("SELECT text, author, url, site, author_url FROM digest_lines"))
        assert not [word for word in ("Before", "Unwise", "Boris", "Private", "Clara") if word in kept]
        stage.store.write(left_out.remove, *author)
        stage.hub.tick(minutes=1)
        assert ("Clara (village.example)", "Private") in ours(stage)
        assert len(stage.comments()) == 3

    def test_a_further_tick_neither_calls_nor_writes(self, stage: Stage) -> None:
        stage.say("one", "Anna", "A remark")
        stage.listen()
        as_comments(stage)
        as_post(stage)
        stage.hub.tick()
        stage.listen(2)
        calls, before = writes(stage), stage.store.content_writes()
        stage.listen(3)
        assert (writes(stage), stage.store.content_writes()) == (calls, before)

    @pytest.mark.parametrize("fault", [faults.LOST, faults.server_error(502).after, faults.HTML.after], ids=str)
    def test_a_lost_answer_makes_no_second_comment(self, blog: Stage, fault: faults.Fault) -> None:
        blog.say("one", "Anna", "A remark")
        blog.say("one", "Boris", "Another")
        blog.listen()
        as_comments(blog)
        blog.doubles["blog"].inject(fault, _commenting)
        blog.hub.tick()
        blog.listen(4)
        assert blog.doubles["blog"].struck
        assert sorted(ours(blog)) == [
            ("Anna (village.example)", "A remark"),
            ("Boris (village.example)", "Another"),
        ]
        assert len(blog.comments()) == 2
        assert len(blog.hub.rows("SELECT id FROM mentions")) == 2

    def test_one_that_was_seen_before_it_was_settled_is_known_by_its_words(self, blog: Stage) -> None:
        """The look fails for a while, and the site's comments are read meanwhile."""
        blog.say("one", "Anna", "A remark")
        blog.listen()
        as_comments(blog)
        blog.doubles["blog"].inject(faults.LOST, _commenting)
        blog.doubles["blog"].inject(
            faults.server_error(404), lambda request: "author_email" in request.query, times=50
        )
        blog.hub.tick()
        blog.listen(2)
        assert [row["state"] for row in blog.hub.rows("SELECT state FROM digest_lines")] == ["published"]
        assert len(blog.hub.rows("SELECT id FROM mentions")) == 1
        assert len(blog.comments()) == 1

    def test_what_is_taken_back_while_its_comment_is_in_doubt_is_not_made_again(self, blog: Stage) -> None:
        said = blog.say("one", "Anna", "Unwise")
        blog.listen()
        as_comments(blog)
        # It never arrives, nobody knows, and for a while nobody can look.
        blog.doubles["blog"].inject(faults.DROPPED, _commenting)
        blog.doubles["blog"].inject(
            faults.server_error(404), lambda request: "author_email" in request.query, times=50
        )
        blog.hub.tick()
        blog.hub.tick(seconds=2)
        assert [row["state"] for row in blog.hub.rows("SELECT state FROM digest_lines")] == ["unknown"]
        blog.doubles["one"].delete_remark(said)
        blog.listen(2)
        assert [row["state"] for row in blog.hub.rows("SELECT state FROM digest_lines")] == ["unknown"]
        blog.doubles["blog"].calm()
        posted = writes(blog)
        blog.hub.clock.forward(hours=2)
        blog.listen(2)
        assert writes(blog) == posted
        (row,) = blog.hub.rows("SELECT state, text, author FROM digest_lines")
        assert dict(row) == {"state": "deleted", "text": "", "author": ""}

    def test_a_comment_that_never_arrived_is_made_again_once(self, blog: Stage) -> None:
        blog.say("one", "Anna", "A remark")
        blog.listen()
        as_comments(blog)
        blog.doubles["blog"].inject(faults.DROPPED, _commenting)
        blog.hub.tick()
        blog.listen(2)
        assert ours(blog) == [("Anna (village.example)", "A remark")]

    def test_a_process_that_died_while_sending_leaves_one_comment(self, blog: Stage) -> None:
        blog.say("one", "Anna", "A remark")
        blog.listen()
        stored = as_comments(blog)
        blog.hub.tick()
        with blog.store.read() as connection:
            (line,) = digest_lines.lines_of(connection, stored.id).values()

        def die(connection: object) -> None:
            digest_lines.set_line(connection, line, blog.hub.clock(), state="sending", remote_id=None)  # type: ignore[arg-type]

        blog.store.write(die)
        blog.hub.clock.forward(minutes=6)
        blog.hub.tick_all()
        blog.listen(2)
        assert len(blog.comments()) == 1
        assert ours(blog) == [("Anna (village.example)", "A remark")]

    def test_who_may_not_moderate_is_told_so(self, blog: Stage) -> None:
        blog.doubles["blog"].role = "author"  # type: ignore[attr-defined]
        blog.hub.hub.check("blog")
        blog.say("one", "Anna", "A remark")
        blog.listen()
        stored = as_comments(blog)
        blog.hub.tick()
        with blog.store.read() as connection:
            (tally,) = digests.tallies(connection, [stored.id])[stored.id]
        assert tally.state == "failed"
        assert "may moderate" in tally.error
        assert not blog.comments()

    def test_a_stopped_hub_makes_none(self, stage: Stage) -> None:
        stage.say("one", "Anna", "A remark")
        stage.listen()
        stage.store.write(switches.stop, "a person said so", "us", stage.hub.clock())
        as_comments(stage)
        stage.hub.tick()
        assert not stage.comments()
        stage.store.write(switches.resume)
        stage.hub.tick_all()
        assert len(stage.comments()) == 1

    def test_another_turn_sends_nothing(self, stage: Stage) -> None:
        stage.say("one", "Anna", "A remark")
        stage.listen()
        stored = as_comments(stage)
        with stage.store.read() as connection:
            (line,) = digest_lines.lines_of(connection, stored.id).values()
        (row,) = stage.hub.rows("SELECT fence FROM accounts WHERE name = 'blog'")
        assert not stage.store.write(digest_lines.begin, line, row["fence"] - 1, stage.hub.clock())
        assert stage.store.write(digest_lines.begin, line, row["fence"], stage.hub.clock())
        assert not stage.store.write(
            digest_lines.finish, line, row["fence"] - 1, stage.hub.clock(), state="queued"
        )

    def test_they_are_stopped_and_taken_away(self, stage: Stage) -> None:
        stage.say("one", "Anna", "A remark")
        stage.say("blog", "Zoe", "On the blog")
        stage.listen()
        stored = as_comments(stage)
        stage.hub.tick()
        keeping.stop(stage.hub.hub, stored, delete=True)
        stage.hub.tick()
        assert [one.person.name for one in stage.comments()] == ["Zoe"]
        with stage.store.read() as connection:
            assert [each.state for each in digests.newest(connection, 9)] == ["ended"]


def _commenting(request: object) -> bool:
    return getattr(request, "method", "") == "POST" and "/comments" in getattr(request, "path", "")


def _with_lines(found: object, lines: object) -> object:
    from dataclasses import replace

    return replace(found, lines=lines)  # type: ignore[type-var]


class TestAsAFile:
    def test_it_is_kept_up_to_date_and_whole(self, stage: Stage, tmp_path: Path) -> None:
        said = stage.say("one", "Anna", "Before")
        stage.listen()
        path = tmp_path / "digest.md"
        keeping.keep_file(stage.hub.hub, stage.discussion, path, "markdown")
        assert "Before" in path.read_text()
        number = path.stat().st_ino
        stage.listen()
        assert path.stat().st_ino == number
        stage.doubles["one"].edit_remark(said, "After")
        stage.listen()
        assert "After" in path.read_text()
        assert "Before" not in path.read_text()
        path.unlink()
        stage.listen()
        assert "After" in path.read_text()
        assert [each.name for each in tmp_path.iterdir() if "digest" in each.name] == ["digest.md"]

    def test_a_folder_that_is_gone_is_trouble_of_this_digest_alone(self, stage: Stage, tmp_path: Path) -> None:
        said = stage.say("one", "Anna", "Before")
        stage.listen()
        folder = tmp_path / "site"
        folder.mkdir()
        stored = keeping.keep_file(stage.hub.hub, stage.discussion, folder / "d.html", "html")
        as_post(stage)
        stage.hub.tick()
        (folder / "d.html").unlink()
        folder.rmdir()
        stage.doubles["one"].edit_remark(said, "After")
        stage.listen()
        assert "After" in articles(stage)[-1].raw
        with stage.store.read() as connection:
            broken = digests.get(connection, stored.id)
        assert broken is not None
        assert "cannot be written" in broken.error
        folder.mkdir()
        stage.hub.clock.forward(minutes=6)
        Keeper(stage.hub.hub).refresh()
        assert "After" in (folder / "d.html").read_text()
