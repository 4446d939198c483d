"""The guards of exactly-once, taken away one at a time: the tests named here must turn red."""

from __future__ import annotations

from models.mutants import Mutant, Patch

_LOST = "faults/test_lost_answers.py::test_what_was_done_and_not_confirmed_is_there_once"
_SLEPT = "scheduling/test_lease.py::test_a_worker_that_slept_through_its_lease_sends_nothing_and_writes_nothing"
_EDITED = "faults/test_changes.py::test_an_edit_in_doubt_reaches_the_copy"
_WITHDRAWN = "faults/test_changes.py::test_a_withdrawn_post_that_is_surely_not_there_is_not_sent_any_more"
_LINKS = "faults/test_looks.py::test_posts_that_differ_in_links_alone_are_not_taken_for_each_other"
_FAR = "faults/test_looks.py::test_a_timeline_that_does_not_reach_back_far_enough_proves_nothing"
_STORM = "faults/test_refusals.py::test_a_storm_of_errors_costs_few_calls_and_no_post"
_WAIT = "faults/test_refusals.py::test_the_whole_account_waits_as_long_as_the_network_says"
_DEATH = "faults/test_crash.py::test_a_death_at_any_point_neither_loses_nor_doubles_a_post"

_OUTBOX = "hub/publishing/outbox.py"
_STEPS = "hub/publishing/steps.py"
_SENDING = "hub/store/outbox/sending.py"

GUARDS = (
    Mutant(
        "an account may be claimed while somebody has it",
        "store/test_database.py::test_an_account_is_claimed_by_one_worker_at_a_time[sqlite]",
        (
            Patch(
                "hub/store/running/leases.py",
                "_FREE = sa.or_(accounts.c.lease_until.is_(None), accounts.c.lease_until <= _NOW)",
                "_FREE = _NOW.is_not(None)",
            ),
        ),
    ),
    Mutant(
        "the wire does not ask how much is left of the lease",
        f"{_SLEPT}[sqlite-lookup]",
        (Patch("hub/scheduling/turn.py", "with adapter.http.under(lease):", "if True:"),),
    ),
    Mutant(
        "a worker writes under a fence that is no longer its own",
        f"{_SLEPT}[sqlite-lookup]",
        (
            Patch(
                _SENDING,
                'deliveries.c.id == sa.bindparam("at_id"), deliveries.c.fence == sa.bindparam("at_fence")\n',
                'deliveries.c.id == sa.bindparam("at_id"), sa.bindparam("at_fence", type_=sa.Integer()) >= 0\n',
            ),
        ),
    ),
    Mutant(
        "what is in doubt is not settled but sent again",
        f"{_LOST}[answer lost after it was done-lookup]",
        (Patch(_OUTBOX, '    elif delivery.state == "unknown":\n', '    elif delivery.state == "never":\n'),),
    ),
    Mutant(
        "a server's error to a write counts as if nothing was done",
        f"{_LOST}[HTTP 502, after it was done-lookup]",
        (
            Patch(
                "hub/http.py",
                "(TransientError if answer.repeatable else UnknownOutcome)(message, **facts)",
                "TransientError(message, **facts)",
            ),
        ),
    ),
    Mutant(
        "an answer that breaks off counts as if nothing was done",
        f"{_LOST}[truncated answer, after it was done-none]",
        (
            Patch(
                "hub/http.py",
                "kind: type[HubError] = again if call.repeatable else UnknownOutcome",
                "kind: type[HubError] = again",
            ),
        ),
    ),
    Mutant(
        "what a dead process was sending is queued again",
        f"{_DEATH}[lookup]",
        (Patch(_STEPS, '        state="unknown",\n', '        state="queued",\n'),),
    ),
    Mutant(
        "what goes again under a key is what the post says by now",
        f"{_EDITED}[answer lost after it was done-key]",
        (
            Patch(
                _OUTBOX,
                "(delivery.resend or delivery.version == post.version)",
                "delivery.version == post.version",
            ),
            Patch(_OUTBOX, "delivery.version if delivery.resend else post.version", "post.version"),
        ),
    ),
    Mutant(
        "a post is sent though it was withdrawn",
        f"{_WITHDRAWN}[lookup]",
        (Patch(_OUTBOX, "if post.deleted_at is not None and not delivery.resend:", "if False:"),),
    ),
    Mutant(
        "links are not compared",
        f"{_LINKS}[the second is there-links alone]",
        (Patch("hub/resemblance.py", "    return not near or any(\n", "    return True or any(\n"),),
    ),
    Mutant(
        "a look that does not reach back counts as one that found nothing",
        f"{_FAR}[answer lost after it was done]",
        (Patch("hub/resemblance.py", "    if seen >= depth and not far_enough:\n", "    if False:\n"),),
    ),
    Mutant(
        "trouble with the network does not end the turn",
        f"{_STORM}[nothing done-lookup]",
        (Patch("hub/publishing/breaker.py", "        if self._in_a_row < self._most:\n", "        if True:\n"),),
    ),
    Mutant(
        "a network that asks to be left alone is asked for the next post",
        f"{_WAIT}[in seconds-lookup]",
        (
            Patch(
                "hub/publishing/breaker.py",
                "        if isinstance(error, TransientError) and error.retry_after is not None:\n"
                '            raise TransientError("{why}", retry_after=error.retry_after, why=why)\n'
                "        self._in_a_row += 1\n",
                "        self._in_a_row += 1\n",
            ),
        ),
    ),
    Mutant(
        "the map of copies is not asked",
        "faults/test_content.py::test_a_circle_of_routes_ends",
        (
            Patch(
                "hub/store/outbox/copies.py",
                "    return {row.remote_id: Copy(row.post_id, row.part, row.origin, row.hash) for row in rows}\n",
                "    return {}\n",
            ),
        ),
    ),
    Mutant(
        "the words of a timeline are not compared",
        "faults/test_reading.py::test_an_echo_before_the_answer_is_linked_and_not_routed",
        (Patch("hub/publishing/routes.py", "if resembles(post, delivery.text):", "if False:"),),
    ),
)
