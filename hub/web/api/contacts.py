"""Contacts by the API: who the people are, merging and splitting them, and what only a person can decide."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from hub.contacts import card as loading
from hub.contacts import editing
from hub.contacts.crm import deciding, foretelling
from hub.contacts.identity import merging
from hub.errors import UsageError
from hub.scheduling.hub import Hub
from hub.store import listings
from hub.store.crm import questions
from hub.store.people import contacts
from hub.users.roles import Permission
from hub.web.api import models
from hub.web.api.room import PREFIX
from hub.web.contacts import of_all_accounts
from hub.web.routes import ApiRoom, Missing, TheHub, TheUser

room = ApiRoom(prefix=PREFIX, tags=["contacts"], dependencies=[Depends(of_all_accounts)])
After = Annotated[int | None, Query(ge=0, le=models.LARGEST, description="Only those with a higher number.")]


@room.read("/contacts", may=Permission.READ)
def list_contacts(hub: TheHub, after: After = None, limit: models.Limit = 50) -> models.Contacts:
    """List the people behind the authors and the CRM records, by number."""
    with hub.store.read() as connection:
        ids = listings.contacts_after(connection, limit + 1, after)
        people = contacts.of_ids(connection, ids[:limit])
    return models.Contacts(
        contacts=[models.ContactAnswer.of(person) for person in people],
        after=ids[limit - 1] if len(ids) > limit else None,
    )


@room.write("/contacts", may=Permission.RESPOND, status=201)
def add_contact(wish: models.FieldsWish, hub: TheHub, user: TheUser) -> models.CardAnswer:
    """Add a person. The next matching joins them with whom the hub knows by the same e-mail."""
    number = editing.add(hub.store, wish.fields, user, hub.clock(), hub.tombstones)
    return _card(hub, number)


@room.read("/contacts/proposals", may=Permission.READ)
def list_proposals(hub: TheHub, after: After = None, limit: models.Limit = 50) -> models.Proposals:
    """List the pairs that may be one person, with what speaks for it."""
    found = merging.proposals(hub.store, limit + 1, after)
    return models.Proposals(
        proposals=[models.ProposalAnswer.of(one) for one in found[:limit]],
        after=found[limit - 1].id if len(found) > limit else None,
    )


@room.write("/contacts/proposals/{id}", may=Permission.PUBLISH, errors=(404,))
def judge_proposal(id: models.Id, wish: models.JudgeWish, hub: TheHub, user: TheUser) -> models.Done:
    """Say of a proposed pair that it is one person, or two."""
    judge = merging.accept if wish.word == "accept" else merging.refuse
    judge(hub.store, id, user, hub.clock())
    return models.Done()


@room.read("/contacts/questions", may=Permission.READ)
def list_questions(hub: TheHub, after: After = None, limit: models.Limit = 50) -> models.Questions:
    """List what only a person can decide about records of the CRMs, the oldest first."""
    with hub.store.read() as connection:
        found = questions.open(connection, limit, after=after or 0)
    return models.Questions(questions=[models.QuestionAnswer.of(one) for one in found])


@room.write("/contacts/questions/{id}", may=Permission.PUBLISH, errors=(404,))
def decide_question(id: models.Id, wish: models.DecideWish, hub: TheHub, user: TheUser) -> models.Done:
    """Answer a question; the next sync carries it out."""
    with hub.store.read() as connection:
        asked = questions.get(connection, id)
    if asked is None:
        raise Missing("there is no question {id}", hint="GET /api/v1/contacts/questions lists them", id=id)
    typed = wish.answer == "typed"
    if typed and not wish.value.strip():
        raise UsageError("nothing is typed", hint="give the value that is right, or choose a side")
    words = deciding.ANSWERS[asked.kind]
    if not typed and wish.answer not in words:
        raise UsageError(
            "{word} is no answer to this question",
            hint="say one of {words}",
            word=wish.answer,
            words=", ".join(words),
        )
    word = wish.value if typed else wish.answer
    deciding.answer(hub.store, id, word, user, hub.clock(), typed=typed)
    return models.Done()


@room.read("/contacts/{id:int}", may=Permission.READ, errors=(404,))
def get_contact(id: models.Id, hub: TheHub, before: models.Before = None) -> models.CardAnswer:
    """Return all that is known of a person, with the newest discussions; `before` asks for older ones."""
    return _card(hub, id, before)


@room.write("/contacts/{id}/fields", may=Permission.RESPOND, errors=(404,))
def edit_contact(id: models.Id, wish: models.FieldsWish, hub: TheHub, user: TheUser) -> models.CardAnswer:
    """Change what is known of a person; the CRMs follow with the next sync. What is not named stays."""
    editing.edit(hub.store, _number(hub, id), wish.fields, user, hub.clock(), hub.tombstones)
    return _card(hub, id)


@room.write("/contacts/{id}/notes", may=Permission.RESPOND, errors=(404,), status=201)
def note_contact(id: models.Id, wish: models.NoteWish, hub: TheHub, user: TheUser) -> models.CardAnswer:
    """Tell the team something about a person; no network learns of it."""
    editing.note(hub.store, _number(hub, id), wish.text, user, hub.clock())
    return _card(hub, id)


@room.read("/contacts/{id}/merge", may=Permission.PUBLISH, errors=(404,))
def preview_merge(
    id: models.Id,
    hub: TheHub,
    other: Annotated[int, Query(ge=1, le=models.LARGEST, description="The number of the other one.")],
) -> models.PreviewAnswer:
    """Say what would be shown of two people once they are one, and what the CRMs would be told."""
    found = merging.preview(hub.store, _number(hub, id), _number(hub, other))
    return models.PreviewAnswer.of(found, foretelling.told(hub, found))


@room.write("/contacts/{id}/merge", may=Permission.PUBLISH, errors=(404,))
def merge_contacts(id: models.Id, wish: models.MergeWish, hub: TheHub, user: TheUser) -> models.CardAnswer:
    """Make one person of two. Nothing is lost: a split brings both back."""
    return _card(hub, merging.merge(hub.store, _number(hub, id), _number(hub, wish.other), user, hub.clock()))


@room.write("/contacts/{id}/split", may=Permission.PUBLISH, errors=(404,))
def split_contact(id: models.Id, wish: models.SplitWish, hub: TheHub, user: TheUser) -> models.Parted:
    """Part cards from a person; what came by them goes with them, and they are kept apart for good."""
    stays, left = merging.split(hub.store, _number(hub, id), wish.cards, user, hub.clock())
    return models.Parted(contacts=[stays, left])


@room.write("/contacts/{id}/merges/{merge}/undo", may=Permission.PUBLISH, errors=(404,))
def undo_merge(id: models.Id, merge: models.Id, hub: TheHub, user: TheUser) -> models.Parted:
    """Take a merge back; what came since goes with the side that it came by."""
    if merge not in {one.id for one in merging.merges(hub.store, _number(hub, id))}:
        raise Missing("there is no merge {id}", hint="`merges` of the contact lists them", id=merge)
    stays, left = merging.undo(hub.store, merge, user, hub.clock())
    return models.Parted(contacts=[stays, left])


@room.write("/contacts/{id:int}", may=Permission.ADMIN, method="DELETE", errors=(404,))
def delete_contact(id: models.Id, hub: TheHub, user: TheUser) -> models.Done:
    """Delete a person here; what each CRM does is said by its policy for deletions."""
    editing.delete(hub.store, _number(hub, id), user, hub.clock())
    return models.Done()


def _number(hub: Hub, number: int) -> int:
    try:
        return loading.person_of(hub.store, number)
    except UsageError as error:
        raise Missing(error.message, hint=error.hint, **error.facts) from None


def _card(hub: Hub, number: int, before: int | None = None) -> models.CardAnswer:
    return models.CardAnswer.of_card(loading.load(hub.store, _number(hub, number), before=before))
