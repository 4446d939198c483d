"""Lets a person log in with the browser: each server wants to know the hub as an app first."""

from __future__ import annotations

import msgspec

from hub import Http, OAuth, OAuthClient

# Tokens do not end. Scopes: https://docs.joinmastodon.org/api/oauth-scopes/
OAUTH = OAuth(
    authorize_url="/oauth/authorize",
    token_url="/oauth/token",  # noqa: S106  # an address
    scopes=(
        "read:accounts",
        "read:notifications",
        "read:search",
        "read:statuses",
        "write:media",
        "write:statuses",
    ),
    client_id="",
    client_secret="",
    client_auth="form",
)


class App(msgspec.Struct):
    """What a server calls the hub."""

    client_id: str
    client_secret: str


def register(http: Http, redirect_uri: str) -> OAuthClient:
    """Make an app on the server; a second one in its place does no harm."""
    form = {"client_name": "crosshub", "redirect_uris": redirect_uri, "scopes": " ".join(OAUTH.scopes)}
    made = http.post("/api/v1/apps", form=form, repeatable=True).decode(App)
    return OAuthClient(id=made.client_id, secret=made.client_secret)
