"""Mentions by the API: find them, say what is to be done with them, answer."""

from __future__ import annotations

from hub.discussions import desk, query, replying
from hub.errors import HubError, UnknownOutcome
from hub.store.desk import replies
from hub.users.roles import Permission
from hub.web.api import models
from hub.web.api.room import api_room, demand, item_of
from hub.web.routes import Missing, TheHub, TheUser

room = api_room("mentions")


@room.read("/mentions", may=Permission.READ)
def list_mentions(
    hub: TheHub, user: TheUser, q: models.Asked = "", cursor: models.Cursor = "", limit: models.Limit = 50
) -> models.MentionPage:
    """Find mentions, those that came in last first."""
    wanted = query.parse(q, hub.settings.zone)
    page = desk.page(hub.store, wanted, user, hub.clock(), cursor=cursor or None, limit=limit)
    return models.MentionPage(
        mentions=[models.MentionAnswer.of_item(item) for item in page.items],
        next=page.next,
        previous=page.previous,
    )


@room.read("/mentions/{id}", may=Permission.READ, errors=(404,))
def get_mention(id: models.Id, hub: TheHub, user: TheUser) -> models.MentionAnswer:
    """Return one mention."""
    return models.MentionAnswer.of_item(item_of(hub, id, user))


@room.write("/mentions/{id}/status", may=Permission.RESPOND, errors=(404,))
def set_status(id: models.Id, wish: models.StatusWish, hub: TheHub, user: TheUser) -> models.MentionAnswer:
    """Say where the work on it stands."""
    item_of(hub, id, user)
    desk.set_status(hub.store, [id], wish.status, user, hub.clock(), wish.until)
    return get_mention(id, hub, user)


@room.write("/mentions/{id}/assignee", may=Permission.RESPOND, errors=(404,))
def assign_mention(id: models.Id, wish: models.AssignWish, hub: TheHub, user: TheUser) -> models.MentionAnswer:
    """Give it to one of the team, or to nobody."""
    item_of(hub, id, user)
    desk.assign(hub.store, [id], wish.user, user, hub.clock())
    return get_mention(id, hub, user)


@room.write("/mentions/{id}/labels", may=Permission.RESPOND, errors=(404,))
def label_mention(id: models.Id, wish: models.LabelWish, hub: TheHub, user: TheUser) -> models.MentionAnswer:
    """Put a label on it, made if it is new."""
    item_of(hub, id, user)
    desk.label(hub.store, [id], wish.name, user, hub.clock())
    return get_mention(id, hub, user)


@room.write("/mentions/{id}/labels/remove", may=Permission.RESPOND, errors=(404,))
def unlabel_mention(id: models.Id, wish: models.LabelWish, hub: TheHub, user: TheUser) -> models.MentionAnswer:
    """Take a label off it."""
    item_of(hub, id, user)
    desk.unlabel(hub.store, [id], wish.name, user, hub.clock())
    return get_mention(id, hub, user)


@room.write("/mentions/{id}/read", may=Permission.READ, errors=(404,))
def mark_read(id: models.Id, hub: TheHub, user: TheUser) -> models.MentionAnswer:
    """Note that the asker has read it; what was new is open then, if they may answer."""
    item_of(hub, id, user)
    desk.mark_read(hub.store, [id], user, hub.clock())
    return get_mention(id, hub, user)


@room.write("/mentions/{id}/unread", may=Permission.READ, errors=(404,))
def mark_unread(id: models.Id, hub: TheHub, user: TheUser) -> models.MentionAnswer:
    """Let it count as unread by the asker."""
    item_of(hub, id, user)
    desk.mark_unread(hub.store, [id], user, hub.clock())
    return get_mention(id, hub, user)


@room.read("/mentions/{id}/notes", may=Permission.READ, errors=(404,))
def list_notes(id: models.Id, hub: TheHub, user: TheUser) -> models.Notes:
    """Return the team's private notes on it, oldest first."""
    item_of(hub, id, user)
    found = desk.notes(hub.store, id)
    return models.Notes(
        notes=[
            models.NoteAnswer(
                id=one.id, by=models.Somebody(id=one.by.id, name=one.by.name), text=one.text, at=one.at
            )
            for one in found
        ]
    )


@room.write("/mentions/{id}/notes", may=Permission.RESPOND, errors=(404,), status=201)
def add_note(id: models.Id, wish: models.NoteWish, hub: TheHub, user: TheUser) -> models.Notes:
    """Tell the team something about it; no network learns of it. Answers with all notes."""
    item_of(hub, id, user)
    desk.add_note(hub.store, id, wish.text, user, hub.clock())
    return list_notes(id, hub, user)


@room.read("/mentions/{id}/history", may=Permission.READ, errors=(404,))
def get_history(id: models.Id, hub: TheHub, user: TheUser) -> models.History:
    """Return who did what with it, oldest first."""
    item_of(hub, id, user)
    return models.History(
        events=[
            models.EventAnswer(
                by=models.Somebody(id=one.by.id, name=one.by.name), kind=one.kind, detail=one.detail, at=one.at
            )
            for one in desk.history(hub.store, id)
        ]
    )


@room.read("/mentions/{id}/replies", may=Permission.READ, errors=(404,))
def list_replies(id: models.Id, hub: TheHub, user: TheUser) -> models.Replies:
    """Return our answers to it, oldest first."""
    item_of(hub, id, user)
    with hub.store.read() as connection:
        found = replies.of_mention(connection, id)
    return models.Replies(
        replies=[models.ReplyAnswer.of(one) for one in found], seen=max((one.id for one in found), default=0)
    )


@room.write("/mentions/{id}/replies", may=Permission.RESPOND, errors=(404, 409, 502), status=201)
def reply_to_mention(id: models.Id, wish: models.ReplyWish, hub: TheHub, user: TheUser) -> models.Sent:
    """Answer it where it was said.

    409 if somebody has answered since what the asker has seen; 502 if the network may have taken the answer
    without saying so: look there before you send it again.
    """
    account = item_of(hub, id, user).mention.account
    demand(user, Permission.RESPOND, account)
    adapter = hub.adapter(account)
    mention = replying.find(hub.store, id)
    try:
        receipt = replying.reply(
            hub.store, adapter, mention, wish.text, hub.clock(), by=user, seen=wish.seen, key=wish.key or None
        )
    except HubError:
        raise
    except Exception as error:
        raise UnknownOutcome(
            "{kind} in the plugin for {platform}: {why}",
            hint="look at {url} before you send it again",
            kind=type(error).__name__,
            platform=adapter.platform,
            why=adapter.http.redact(str(error)),
            url=mention.url or mention.thread_url,
        ) from error
    return models.Sent(remote_id=receipt.remote_id, url=receipt.url)


@room.write("/mentions/{id}/claim", may=Permission.RESPOND, errors=(404,))
def claim_mention(id: models.Id, hub: TheHub, user: TheUser) -> models.ClaimAnswer:
    """Say that the asker is answering it, for two minutes; returns who is, which may be another."""
    item_of(hub, id, user)
    found = desk.claim(hub.store, id, user, hub.clock())
    return models.ClaimAnswer(
        by=models.Somebody(id=found.by.id, name=found.by.name), until=found.until, mine=found.mine
    )


@room.write("/mentions/{id}/claim", may=Permission.RESPOND, method="DELETE", errors=(404,))
def release_mention(id: models.Id, hub: TheHub, user: TheUser) -> models.Done:
    """Say that the asker answers it no longer."""
    item_of(hub, id, user)
    desk.release(hub.store, id, user)
    return models.Done()


@room.read("/labels", may=Permission.READ)
def list_labels(hub: TheHub) -> models.Labels:
    """Return the labels there are, by name."""
    return models.Labels(labels=[models.LabelAnswer(id=one.id, name=one.name) for one in desk.labels(hub.store)])


@room.read("/saved-replies", may=Permission.READ)
def list_saved_replies(hub: TheHub) -> models.SavedReplies:
    """Return the answers that are given often, by name."""
    return models.SavedReplies(
        saved_replies=[
            models.SavedAnswer(**{name: getattr(one, name) for name in models.SavedAnswer.model_fields})
            for one in desk.saved_replies(hub.store)
        ]
    )


@room.write("/saved-replies", may=Permission.RESPOND, status=201)
def save_reply(wish: models.SaveWish, hub: TheHub, user: TheUser) -> models.SavedReplies:
    """Keep an answer under a name, in place of the one there is. Answers with all of them."""
    desk.save_reply(hub.store, wish.name, wish.text, user, hub.clock())
    return list_saved_replies(hub)


@room.write("/saved-replies/{id}", may=Permission.RESPOND, method="DELETE", errors=(404,))
def forget_reply(id: models.Id, hub: TheHub, user: TheUser) -> models.Done:
    """Forget a saved answer."""
    if not desk.forget_reply(hub.store, id, user, hub.clock()):
        raise Missing("there is no saved answer {id}", id=id)
    return models.Done()
