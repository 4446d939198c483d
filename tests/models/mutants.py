"""The core, broken on purpose in one place each: what a model is worth is which of these it finds."""

from __future__ import annotations

from typing import NamedTuple


class Patch(NamedTuple):
    """`old` stands exactly once in `file`, and becomes `new`."""

    file: str
    old: str
    new: str


class Mutant(NamedTuple):
    """What is broken, how, and the test that must find it."""

    name: str
    killer: str
    patches: tuple[Patch, ...]


_ORDER = "test_order.py::test_every_order_of_events_ends_in_the_same_store"
_REPEAT = "test_order.py::test_what_was_seen_before_is_no_news_and_no_write"
_BACK = "test_threads.py::test_a_remark_that_its_network_brings_back_stands_again"
_FEED = "test_threads.py::test_what_the_feed_tells_late_does_not_outlast_a_look_at_the_thread"
_MISSING = "test_threads.py::test_what_is_missing_is_deleted_at_the_second_look_in_a_row_and_not_before"
_HISTORY = "test_threads.py::test_what_was_said_stays_in_the_history"
_GONE = "test_threads.py::test_a_post_that_is_gone_twice_in_a_row_is_not_asked_for_again"
_DEPTH = "test_threads.py::test_what_vanishes_from_the_depth_of_a_long_thread_is_deleted_too"
_CURSOR = "test_paging.py::test_what_is_older_than_the_cursor_is_stored_after_every_read"
_TO_THE_END = "test_paging.py::test_a_read_to_the_end_has_everything_that_is_there"
_ONCE = "test_topologies.py::test_every_post_ends_once_on_each_account_that_it_is_for"
_EDITS = "test_topologies.py::test_an_edit_is_made_once_on_each_copy_and_then_all_is_quiet"
_LATE = "test_topologies.py::test_a_post_that_shows_after_the_first_look_is_found_by_the_second"
_TWIN = "test_topologies.py::test_a_lost_post_is_not_taken_for_its_twin_of_a_moment_ago"
_BY_HAND = "test_topologies.py::test_a_lost_post_is_not_taken_for_what_somebody_wrote_there_before"
_OLD = "test_topologies.py::test_a_lost_post_is_not_taken_for_an_old_one_that_is_read_first_now"
_ECHO = "test_topologies.py::test_an_echo_is_recognised_also_while_nobody_knows_yet_that_the_hub_died"
_SLOTS = "test_clocks.py::test_each_local_slot_runs_once"

_IN_STEP = "test_sync_model.py::test_the_sides_agree_in_the_end_and_nothing_is_lost_or_doubled"

_INGESTING = "hub/store/discussions/ingesting.py"
_COLLECTING = "hub/discussions/collecting.py"
_ROUTES = "hub/publishing/routes.py"
_STEPS = "hub/publishing/steps.py"
_DELIVERIES = "hub/store/outbox/deliveries.py"
_RECORDS = "hub/store/crm/records.py"
_TAKING = "hub/contacts/crm/taking.py"
_ECHO_OF = "hub/contacts/crm/echo.py"

MUTANTS = (
    Mutant(
        "the hash of a mention is not compared",
        _REPEAT,
        (
            Patch(
                _INGESTING,
                "elif (\n            before.hash != hashed\n            or before.doubted\n"
                "            or _edited_since(item, before.edited_at)\n"
                "            or (item.links and _more_links(before, item))\n        ):",
                "else:",
            ),
            Patch(_INGESTING, "if before.hash != hashed or before.deleted_at is not None:", "if True:"),
        ),
    ),
    Mutant(
        "an older event undoes a tombstone",
        _ORDER,
        (
            Patch(
                _INGESTING,
                "if before.deleted_at is not None and (said_at",
                "if before.deleted_at is None and (said_at",
            ),
        ),
    ),
    Mutant(
        "an older edit replaces a newer one",
        _ORDER,
        (Patch(_INGESTING, "if before.hash != hashed and _outdated(", "if False and _outdated("),),
    ),
    Mutant(
        "a tombstone learns nothing of what it hides",
        _ORDER,
        (Patch(_INGESTING, "        _complete(connection, before, item, hashed, now)\n", ""),),
    ),
    Mutant(
        "of two versions on one page only the first is seen",
        _ORDER,
        (Patch(_INGESTING, "again = [item for item in items if item != unique[item.remote_id]]", "again = []"),),
    ),
    Mutant(
        "what a mention said before is not kept",
        _HISTORY,
        (Patch(_INGESTING, "            history.keep_versions(connection, [before.id], now)\n", ""),),
    ),
    Mutant(
        "one look is enough to believe that a mention is gone",
        _MISSING,
        (Patch(_INGESTING, "if row.missed >= 1]", "if row.missed >= 0]"),),
    ),
    Mutant(
        "an answer whose parent is not there hangs under no stub",
        _ORDER,
        (
            Patch(
                "hub/discussions/tree.py",
                "above = nodes[mention.platform, parent] = Node(parent)\n        roots.append(above)",
                "return None",
            ),
        ),
    ),
    Mutant(
        "what is missing is counted once and forgotten",
        _DEPTH,
        (Patch(_COLLECTING, "digest=None if absent.doubted else kept", "digest=kept"),),
    ),
    Mutant(
        "a whole thread is taken for old events",
        _BACK,
        (Patch(_COLLECTING, "whole_at = started if whole else None", "whole_at = None"),),
    ),
    Mutant(
        "a thread does not compare again what the feed said otherwise",
        _FEED,
        (
            Patch(
                _COLLECTING,
                "            threads.forget_digests(connection, list(known.values()))\n",
                "            pass\n",
            ),
        ),
    ),
    Mutant(
        "a post that came back counts as gone once for ever",
        _GONE,
        (Patch(_COLLECTING, "if moved or found or heard or thread.gone:", "if moved or found or heard:"),),
    ),
    Mutant(
        "a cursor is exclusive",
        _TO_THE_END,
        (Patch("tests/models/moving.py", "if entry.mark >= cursor]", "if entry.mark > cursor]"),),
    ),
    Mutant(
        "the cursor of mentions is written before them, in a transaction of its own",
        _CURSOR,
        (
            Patch(
                _COLLECTING,
                "    _announce(ear, ear.store.write(work))\n",
                "    ear.store.write(threads.write_cursor, ear.account, verb, batch.cursor, digest, subject)\n"
                "    _announce(ear, ear.store.write(work))\n",
            ),
        ),
    ),
    Mutant(
        "the cursor of posts is written before them, in a transaction of its own",
        _CURSOR,
        (
            Patch(
                _ROUTES,
                "    source.counts += source.store.write(work)\n",
                '    source.store.write(threads.write_cursor, source.account, "posts", cursor)\n'
                "    source.counts += source.store.write(work)\n",
            ),
        ),
    ),
    Mutant(
        "the map of copies is not asked",
        _ONCE,
        (
            Patch(
                "hub/store/outbox/copies.py",
                "    return {row.remote_id: Copy(row.post_id, row.part, row.origin, row.hash) for row in rows}\n",
                "    return {}\n",
            ),
        ),
    ),
    Mutant(
        "an edit at the origin makes no new version",
        _EDITS,
        (Patch("hub/store/outbox/posts.py", "hash=new_hash, version=posts.c.version + 1)", "hash=new_hash)"),),
    ),
    Mutant(
        "a copy is edited though its post says what it said",
        _EDITS,
        (
            Patch(
                "hub/store/outbox/following.py",
                "deliveries.c.version < posts.c.version)",
                "deliveries.c.version > 0)",
            ),
        ),
    ),
    Mutant(
        "an echo is not linked to the delivery whose answer was lost",
        _ONCE,
        (Patch(_ROUTES, "if resembles(post, delivery.text):", "if delivery.text is None:"),),
    ),
    Mutant(
        "what is settled is not written into the map of copies",
        _ONCE,
        (Patch(_STEPS, "    record_copy(connection, adapter, delivery, receipt, now)\n", ""),),
    ),
    Mutant(
        "what a dead process was sending stays as it is",
        _ONCE,
        (Patch("hub/publishing/outbox.py", "    _adopt_orphans(turn)\n", ""),),
    ),
    Mutant(
        "a look takes what belongs to another delivery",
        _TWIN,
        (Patch("hub/resemblance.py", "item.remote_id not in post.taken and ", ""),),
    ),
    Mutant(
        "a look knows of others only what was touched after the attempt",
        _TWIN,
        (Patch(_DELIVERIES, "    since -= _CLOCK_TROUBLE\n", ""),),
    ),
    Mutant(
        "a look takes what was written there by hand",
        _BY_HAND,
        (
            Patch(
                _DELIVERIES,
                "return frozenset(rows.scalars()) | frozenset(origins.scalars())",
                "return frozenset(rows.scalars())",
            ),
        ),
    ),
    Mutant(
        "one look is enough to send again",
        _LATE,
        (Patch("hub/publishing/settling.py", "LOOKS = 2\n", "LOOKS = 1\n"),),
    ),
    Mutant(
        "an old post is taken for the echo of a lost one",
        _OLD,
        (
            Patch(
                _ROUTES,
                "if delivery.text is None or not not_before(post.sent_at, since):",
                "if delivery.text is None:",
            ),
        ),
    ),
    Mutant(
        "an echo is passed over while its delivery is being sent by nobody",
        _ECHO,
        (Patch(_ROUTES, '("sending", "unknown", "asked")', '("unknown", "asked")'),),
    ),
    Mutant(
        "in the second half of a fold a schedule begins with the first",
        _SLOTS,
        (
            Patch(
                "hub/scheduling/due.py",
                "if (found := time.astimezone(UTC)) > after)",
                "if (found := time.astimezone(UTC)))",
            ),
        ),
    ),
    Mutant(
        "a creation whose answer was lost is made again at once",
        _IN_STEP,
        (
            Patch(
                "hub/contacts/crm/settling.py",
                "elif started - record.updated_at >= exchange.settle_after:",
                "else:",
            ),
        ),
    ),
    Mutant(
        "a record is written whatever it has become in the meantime",
        _IN_STEP,
        (Patch("hub/contacts/crm/comparing.py", "version=record.version,", 'version="",'),),
    ),
    Mutant(
        "what loses to the other side is forgotten",
        _IN_STEP,
        (
            Patch(
                "hub/contacts/crm/applying.py",
                "records.keep_lost(connection, [_lost(exchange, card_id, lost, merged, view, now) for lost in "
                "merged.lost])",
                "pass",
            ),
        ),
    ),
    Mutant(
        "a creation in doubt is made again after one look",
        _IN_STEP,
        (Patch("hub/contacts/crm/settling.py", "_LOOKS = 2\n", "_LOOKS = 1\n"),),
    ),
    Mutant(
        "what is read is never taken for what was created in doubt",
        _IN_STEP,
        (Patch(_TAKING, "adopted = _adopt(connection, exchange, new)", "adopted = []"),),
    ),
    Mutant(
        "what a CRM made of a value is taken for an edit",
        _IN_STEP,
        (Patch(_ECHO_OF, "in read_sent(record.sent).items():", 'in read_sent("").items():'),),
    ),
    Mutant(
        "what was compared is compared at every turn",
        _IN_STEP,
        (Patch(_RECORDS, "records.c.id.in_(part)).values(due=0)", "sa.false()).values(due=0)"),),
    ),
    Mutant(
        "what is not there after a push counts as refused",
        _IN_STEP,
        (
            Patch("hub/contacts/crm/pushing.py", "if len(planned) == 1 and any(", "if False and any("),
            Patch(_ECHO_OF, 'if name not in there and _count(forms, mark, name, "") < _PATIENCE:', "if False:"),
        ),
    ),
    Mutant(
        "a text that is put back counts as a rule of the CRM",
        _IN_STEP,
        (Patch(_ECHO_OF, "if _count(forms, field, value, found) < _PATIENCE:", "if False:"),),
    ),
)
