"""The rest of the API: who asks, who the team is, and what has changed."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from hub.store.running import changes
from hub.users import everybody
from hub.users.roles import Permission
from hub.web.api import models
from hub.web.api.room import api_room
from hub.web.routes import TheHub, TheUser

room = api_room("others")


@room.read("/me", may=Permission.READ)
def get_me(user: TheUser) -> models.Me:
    """Return who asks, and what they may do."""
    return models.Me(
        id=user.id,
        name=user.name,
        display_name=user.display_name,
        role=user.role.value,
        may=[permission.value for permission in Permission if user.may(permission)],
        accounts=None if user.accounts is None else sorted(user.accounts),
    )


@room.read("/team", may=Permission.READ)
def list_team(hub: TheHub) -> models.Team:
    """Return those whom a mention can be given to, by name."""
    return models.Team(team=[models.Somebody(id=one.id, name=one.shown) for one in everybody(hub.store)])


@room.read("/changes", may=Permission.READ)
def list_changes(
    hub: TheHub,
    user: TheUser,
    after: Annotated[int, Query(ge=0, le=models.LARGEST, description="The number of the last one that is known.")],
    limit: models.Limit = 100,
) -> models.Changes:
    """Return what changed after a number, in order; `/live` tells the same as it happens."""
    with hub.store.read() as connection:
        latest, oldest = changes.latest(connection), changes.oldest(connection)
        found = changes.since(connection, after, limit)
    return models.Changes(
        changes=[
            models.ChangeAnswer(id=one.id, kind=one.kind, ref=one.ref if user.accounts is None else 0)
            for one in found
        ],
        latest=latest,
        gap=after > latest or (after < latest and after + 1 < oldest),
    )
