"""Gathers what the inbox shows of one mention: who said it, what stands around it, and what was done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from hub.adapter import Responder
from hub.contacts import summary
from hub.contacts.summary import Summary
from hub.discussions import desk
from hub.errors import UsageError
from hub.i18n import _
from hub.scheduling.hub import Hub
from hub.store.desk import replies
from hub.store.desk.replies import StoredReply
from hub.store.desk.work import Event, Note
from hub.store.discussions import mentions, nearby, threads
from hub.store.discussions.mentions import StoredMention
from hub.store.discussions.nearby import Around
from hub.users.roles import Permission, User
from hub.web.routes import Missing
from hub.words import word


class Opened(NamedTuple):
    """One mention, opened. `ours` are those around it that our accounts said, and who of the team wrote them.

    `known` is what is asked first of its author, None where the author is nobody's or not the reader's to see.
    `mute` says why it cannot be answered, "" if it can. `place` is where to look for an answer of unknown outcome.
    """

    item: desk.Item
    around: Around
    ours: Mapping[int, str]
    others: Sequence[StoredMention]
    versions: Sequence[tuple[datetime, str]]
    events: Sequence[Event]
    notes: Sequence[Note]
    replies: Sequence[StoredReply]
    newest_reply: int
    claim: desk.Claim | None
    title: str
    mute: str
    known: Summary | None

    @property
    def mention(self) -> StoredMention:
        return self.item.mention

    @property
    def place(self) -> str:
        return self.mention.url or self.mention.thread_url


def find(hub: Hub, mention_id: int, user: User) -> desk.Item:
    """Return a mention that the user may see; raise `Missing` for any other."""
    try:
        return desk.item(hub.store, mention_id, user, hub.clock())
    except UsageError as error:
        raise Missing(error.message, hint=error.hint, **error.facts) from None


def gather(hub: Hub, mention_id: int, user: User) -> Opened:
    """Read everything about a mention; raise `Missing` if it is not there for this user."""
    item = find(hub, mention_id, user)
    mention = item.mention
    with hub.store.read() as connection:
        around = nearby.around(connection, mention)
        # A remark above it may have come in through another account of the same network.
        above = [one for one in around.parents if user.may(Permission.READ, one.account)]
        around = around._replace(parents=above)
        others = nearby.by_the_same(connection, mention, user.accounts)
        versions = mentions.versions_of(connection, mention_id)
        answers = replies.of_mention(connection, mention_id)
        nearest = [*around.parents, *around.before, *around.after, *around.answers]
        ours = nearby.ours_among(connection, [one.id for one in nearest])
        discussion = threads.discussion(connection, mention.discussion)
        # Contacts are for users of all accounts.
        whole = user.accounts is None and mention.contact_id is not None
        known = summary.of(connection, mention.contact_id or 0) if whole else None
    shown = {one.remote_id for one in around.answers}
    return Opened(
        item=item,
        around=around,
        ours=ours,
        others=others,
        versions=versions,
        events=desk.history(hub.store, mention_id),
        notes=desk.notes(hub.store, mention_id),
        replies=[one for one in answers if one.remote_id not in shown],
        newest_reply=max((one.id for one in answers), default=0),
        claim=desk.claim_of(hub.store, mention_id, hub.clock(), user),
        title=discussion[0] if discussion else "",
        mute=_why_mute(hub, mention),
        known=known,
    )


def _why_mute(hub: Hub, mention: StoredMention) -> str:
    if mention.deleted_at is not None:
        return _("It was deleted by its author and cannot be answered.")
    account = hub.settings.accounts.get(mention.account)
    if account is None:
        return _("The account {account} is no longer set up.").format(account=mention.account)
    if not issubclass(hub.registry.adapter_class(account, hub.settings), Responder):
        return _("The hub cannot answer on {platform}.").format(platform=mention.platform)
    return ""


def done_of(event: Event) -> str:
    """Say what was done about a mention, after the name of who did it."""
    match event.kind:
        case "status":
            return _("set it to: {status}").format(status=word(event.detail))
        case "assigned":
            return _("gave it to {name}").format(name=event.detail) if event.detail else _("gave it to nobody")
        case "labelled":
            return _("put the label {label} on it").format(label=event.detail)
        case "unlabelled":
            return _("took the label {label} off it").format(label=event.detail)
        case "noted":
            return _("wrote a note")
        case "replied":
            return _("sent an answer")
    return word(event.kind)
