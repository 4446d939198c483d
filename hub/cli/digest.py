"""`hub digest`, `hub digests`: a discussion published back, and kept in step with what people say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from hub import i18n
from hub.cli import arguments
from hub.cli.opening import open_hub, open_store
from hub.cli.output import Output, command, iso, limit_option, short
from hub.cli.stop import say_if_stopped
from hub.discussions import digest as gathering
from hub.discussions.rendering import FORMS, SUFFIXES, Form, render
from hub.errors import UsageError
from hub.i18n import N_, _, ngettext
from hub.scheduling import digests as keeping
from hub.scheduling.hub import Hub
from hub.scheduling.keeping import replace_file
from hub.store.discussions import digests, left_out
from hub.store.discussions.digests import StoredDigest, Tally
from hub.words import word

_KINDS = {"post": N_("a post"), "comments": N_("comments"), "file": N_("a file")}


@command(
    "digest",
    help=_("Show or publish a discussion, each line under its writer's name."),
    epilog=_("Without --to and --out it is printed. What is published follows every edit and deletion."),
)
@click.argument("discussion_id", type=click.IntRange(1), metavar="[ID]", required=False)
@click.option("--form", type=click.Choice(FORMS), help=_("The form that is printed or written."))
@click.option("--only", metavar="3,5", help=_("Only these mentions, by the numbers of `hub discussion`."))
@click.option("--out", "file", type=click.Path(path_type=Path), metavar="FILE", help=_("Write it into a file."))
@click.option("--keep", is_flag=True, help=_("Keep the file up to date at every tick."))
@click.option("--to", "account", metavar="ACCOUNT", help=_("Publish it on this account."))
@click.option(
    "--as", "kind", type=click.Choice(("post", "comments")), help=_("A post of its own, or comments under ours.")
)
@click.option("--stop", is_flag=True, help=_("Keep it up to date no longer."))
@click.option("--delete", is_flag=True, help=_("With --stop: take away what was published."))
@click.option(
    "--leave-out", type=click.IntRange(1), metavar="MENTION", help=_("Leave its author out of all digests.")
)
@click.option("--let-in", type=click.IntRange(1), metavar="MENTION", help=_("Show its author again."))
def digest(
    out: Output,
    discussion_id: int | None,
    form: Form | None,
    only: str | None,
    file: Path | None,
    keep: bool,
    account: str | None,
    kind: Literal["post", "comments"] | None,
    stop: bool,
    delete: bool,
    leave_out: int | None,
    let_in: int | None,
) -> None:
    """Do the one thing that is asked for."""
    _check_options(form, only, file, keep, account, kind, stop, delete, leave_out, let_in, discussion_id)
    if leave_out is not None or let_in is not None:
        _set_left_out(out, leave_out or let_in or 0, out_of=leave_out is not None)
        return
    assert discussion_id is not None
    chosen = _numbers(only)
    if stop:
        _stop(out, discussion_id, account, file, kind, delete=delete)
    elif account is not None:
        _publish(out, discussion_id, account, kind or "post", chosen)
    elif keep:
        assert file is not None
        _keep(out, discussion_id, file, form, chosen)
    else:
        _show(out, discussion_id, file, form, chosen)


def _check_options(
    form: Form | None,
    only: str | None,
    file: Path | None,
    keep: bool,
    account: str | None,
    kind: str | None,
    stop: bool,
    delete: bool,
    leave_out: int | None,
    let_in: int | None,
    discussion_id: int | None,
) -> None:
    asked = leave_out is not None or let_in is not None
    others = (form, only, file, account, kind, discussion_id)
    if asked and (any(value is not None for value in others) or keep or stop or delete):
        raise UsageError("--leave-out and --let-in stand alone", hint="they hold for all digests")
    if leave_out is not None and let_in is not None:
        raise UsageError("nobody can be left out and let in at once")
    if asked:
        return
    if discussion_id is None:
        raise UsageError("no discussion is named", hint="`hub discussions` lists them")
    if account is not None and file is not None:
        raise UsageError("--to and --out are two digests", hint="call `hub digest` twice")
    if keep and file is None:
        raise UsageError("there is no file to keep", hint="name one with --out")
    if kind is not None and account is None:
        raise UsageError("--as says how it is published on an account", hint="name one with --to")
    if form is not None and (account is not None or stop):
        raise UsageError("an account gets the form of its network", hint="leave out --form")
    if stop and account is None and file is None:
        raise UsageError("what is to be stopped?", hint="name it with --to or --out; `hub digests` lists them")
    if delete and not stop:
        raise UsageError("--delete goes with --stop")


def _numbers(only: str | None) -> list[int] | None:
    if only is None:
        return None
    try:
        found = sorted({int(part.strip().removeprefix("#")) for part in only.split(",") if part.strip()})
    except ValueError:
        found = []
    if not found or found[0] < 1:
        raise UsageError("{text} names no mentions", hint="write their numbers, as in --only 3,5", text=only)
    return found


def _form(form: Form | None, file: Path | None) -> Form:
    return form or (SUFFIXES.get(file.suffix.lower()) if file is not None else None) or "html"


def _show(
    out: Output, discussion_id: int, file: Path | None, form: Form | None, chosen: Sequence[int] | None
) -> None:
    with open_store(out) as hub:
        _check_chosen(hub, discussion_id, chosen)
        found = gathering.lines(hub.store, discussion_id, chosen)
        text = render(found, _form(form, file), zone=hub.settings.zone)
    shape: dict[str, Any] = {"discussion": found.id, "title": found.title, "form": _form(form, file)}
    if file is None:
        out.line(text)
        shape["text"] = text
    else:
        replace_file(file.absolute(), text)
        _say_written(out, file, len(found.said))
        shape["file"] = str(file)
    out.done({"digest": {**shape, "remarks": len(found.said)}})


def _check_chosen(hub: Hub, discussion_id: int, chosen: Sequence[int] | None) -> None:
    if chosen is not None:
        keeping.check_chosen(hub.store, discussion_id, chosen)


def _say_written(out: Output, file: Path, count: int) -> None:
    said = ngettext("{count} remark", "{count} remarks", count).format(count=count)
    out.line(_("{file}: {remarks}").format(file=file, remarks=said))


def _keep(out: Output, discussion_id: int, file: Path, form: Form | None, chosen: Sequence[int] | None) -> None:
    with open_hub(out) as hub:
        stored = keeping.keep_file(
            hub, discussion_id, file, _form(form, file), chosen=chosen, language=i18n.spoken()
        )
    out.line(_("Digest {id} is in {file}; every tick keeps it up to date.").format(id=stored.id, file=file))
    out.done({"digest": digest_shape(stored, ())})


def _publish(
    out: Output,
    discussion_id: int,
    account: str,
    kind: Literal["post", "comments"],
    chosen: Sequence[int] | None,
) -> None:
    with open_hub(out) as hub:
        if account not in hub.settings.accounts:
            raise arguments.unknown_account(account, hub.settings.accounts, hub.settings.path)
        stored = keeping.publish(hub, discussion_id, account, kind=kind, chosen=chosen, language=i18n.spoken())
        with hub.store.read() as connection:
            fares = digests.tallies(connection, [stored.id]).get(stored.id, [])
        stopped = say_if_stopped(out, hub)
    out.line(
        _("Digest {id} is for {account}, as {kind}; it goes out at the next `hub tick`.").format(
            id=stored.id, account=account, kind=_(_KINDS[kind])
        )
    )
    out.done({"digest": digest_shape(stored, fares), "stopped": stopped})


def _stop(
    out: Output, discussion_id: int, account: str | None, file: Path | None, kind: str | None, *, delete: bool
) -> None:
    with open_hub(out) as hub:
        with hub.store.read() as connection:
            open_ones = digests.open_ones(connection, discussion_id)
        place = str(file.absolute()) if file is not None else None
        found = [
            each
            for each in open_ones
            if (each.account == account and kind in (None, each.kind)) or (place and each.target == place)
        ]
        if not found:
            raise UsageError(
                "discussion {id} has no digest there that could be stopped",
                hint="`hub digests` lists them",
                id=discussion_id,
            )
        for each in found:
            keeping.stop(hub, each, delete=delete)
            out.line(_("Digest {id} is kept up to date no longer.").format(id=each.id))
        with hub.store.read() as connection:
            stored = [each for each in (digests.get(connection, one.id) for one in found) if each is not None]
        stopped = say_if_stopped(out, hub)
    out.done({"digests": [digest_shape(each, ()) for each in stored], "stopped": stopped})


def _set_left_out(out: Output, mention_id: int, *, out_of: bool) -> None:
    with open_store(out) as hub:
        now = hub.clock()
        with hub.store.read() as connection:
            author = left_out.author_of(connection, mention_id)
        if author is None:
            raise UsageError(
                "there is no mention {id} whose author is known", hint="`hub inbox` lists them", id=mention_id
            )
        if out_of:
            changed = hub.store.write(left_out.add, *author, now)
        else:
            changed = hub.store.write(left_out.remove, *author)
    if out_of:
        out.line(_("The author of mention {id} is in no digest any more.").format(id=mention_id))
    else:
        out.line(_("The author of mention {id} is shown in digests.").format(id=mention_id))
    platform, author_id = author
    out.done({"author": {"platform": platform, "remote_id": author_id}, "left_out": out_of, "changed": changed})


@command("digests", help=_("List the digests that were published, and how each fares."))
@limit_option
def list_digests(out: Output, limit: int | None) -> None:
    """Show the newest digests."""
    with open_store(out) as hub, hub.store.read() as connection:
        found = digests.newest(connection, out.most(limit))
        fares = digests.tallies(connection, [each.id for each in found])
    if found:
        out.table(
            (_("Id"), _("Discussion"), _("As"), _("Where"), _("State"), _("Fares")),
            [
                (
                    each.id,
                    each.discussion_id,
                    _(_KINDS[each.kind]),
                    each.account or each.target,
                    word(each.state),
                    _fares(each, fares.get(each.id, ())),
                )
                for each in found
            ],
        )
    else:
        out.line(_("No digest was published yet."))
    out.done({"digests": [digest_shape(each, fares.get(each.id, ())) for each in found]})


def _fares(stored: StoredDigest, fares: Sequence[Tally]) -> str:
    said = [f"{tally.number} {word(tally.state)}" for tally in fares]
    reason = stored.error or next((tally.error for tally in fares if tally.error), "")
    return ", ".join(said) + (f": {short(reason)}" if reason else "")


def digest_shape(stored: StoredDigest, fares: Sequence[Tally]) -> Mapping[str, object]:
    """Return a digest as scripts see it; `states` counts its comments, or the deliveries of its post."""
    return {
        "id": stored.id,
        "discussion": stored.discussion_id,
        "kind": stored.kind,
        "account": stored.account or None,
        "file": stored.target if stored.kind == "file" else None,
        "form": stored.form or None,
        "only": sorted(stored.only) if stored.only is not None else None,
        "language": stored.language,
        "state": stored.state,
        "post": stored.post_id,
        "states": {tally.state: tally.number for tally in fares},
        "error": stored.error or next((tally.error for tally in fares if tally.error), ""),
        "created_at": iso(stored.created_at),
        "updated_at": iso(stored.updated_at),
    }
