"""What hub.toml says about an account on X, and how its calls are signed and its token renewed."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Self, cast
from urllib.parse import quote

from msgspec import Struct, json
from pydantic import SecretStr, model_validator

from hub import AccountSettings, AuthError, Http, OAuth, TransientError, UnknownOutcome, Vault
from plugins.twitter import shapes
from plugins.twitter.wire import Spelling

# At DEBUG it writes the parameters of every signature, and with them the token.
logging.getLogger("oauthlib").setLevel(logging.WARNING)

TOKEN_PATH = "/2/oauth2/token"  # noqa: S105  # an address
_LOG_IN = "log in to X again and put the new token (and refresh_token) into hub.toml, then run hub check"

# https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code; the redirect address must be one of
# the app's, to the letter and with its port: https://docs.x.com/fundamentals/developer-apps
OAUTH = OAuth(
    authorize_url="https://x.com/i/oauth2/authorize",
    token_url=TOKEN_PATH,
    scopes=("tweet.read", "tweet.write", "users.read", "media.write", "offline.access"),
    refresh_token="refresh_token",  # noqa: S106  # the name of a setting
    port=8722,
    apps_url="https://developer.x.com",
)


class Settings(AccountSettings):
    """An account on X, with a token of either kind.

    OAuth 2: `token`, and to have it renewed (it lives two hours) `client_id`, `refresh_token` and, for a
    confidential client, `client_secret`. OAuth 1.0a: `token`, `token_secret`, `consumer_key`,
    `consumer_secret`. `fields` is the spelling that requests use: X renamed `tweet.fields` to `post.fields` in
    2026-08; both spellings are read.
    """

    api_url: str = "https://api.x.com"
    token: SecretStr
    token_secret: SecretStr | None = None
    consumer_key: SecretStr | None = None
    consumer_secret: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    fields: Spelling = "post"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        signing = (self.consumer_key, self.consumer_secret, self.token_secret)
        if any(signing) and not all(signing):
            raise ValueError("OAuth 1.0a needs consumer_key, consumer_secret and token_secret beside token")
        if self.refresh_token and not self.client_id:
            raise ValueError("refresh_token needs client_id, the OAuth 2 client id of the app")
        if self.refresh_token and self.consumer_key:
            raise ValueError("refresh_token belongs to OAuth 2, consumer_key to OAuth 1.0a: give one of them")
        return self


class _Pair(Struct):
    """What the vault holds: the newest tokens, and which refresh_token of hub.toml they descend from."""

    access: str
    refresh: str
    origin: str


class Login:
    """Proves who calls. One account's; used by one thread at a time, like its adapter."""

    def __init__(self, account: str, settings: Settings, http: Http, vault: Vault) -> None:
        self._settings = settings
        self._http = http
        self._vault = vault
        self._name = f"twitter/{account}"
        self._seen: str | None = None

    @property
    def kind(self) -> str:
        return "OAuth 1.0a user token" if self._settings.consumer_key else "OAuth 2.0 user token"

    @property
    def renewable(self) -> bool:
        return self._settings.refresh_token is not None

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        """Return the Authorization header of a call."""
        if url.endswith(TOKEN_PATH):
            return self._client()
        settings = self._settings
        if settings.consumer_key and settings.consumer_secret and settings.token_secret:
            from oauthlib.oauth1 import Client

            keys = (settings.consumer_key, settings.consumer_secret, settings.token, settings.token_secret)
            # JSON and multipart bodies are no part of the signature; no call here has a form.
            signed = Client(*(self._known(key) for key in keys)).sign(url, http_method=cast(Any, method))[1]
            return {"Authorization": str(signed["Authorization"])}
        access = self._known(settings.token)
        if self.renewable:
            self._seen = self._vault.read(self._name)
            access = self._pair(self._seen).access
        return {"Authorization": f"Bearer {access}"}

    def renew(self) -> None:
        """Replace the access token that the last call was refused with, unless somebody has done so already.

        Raises `AuthError` if X does not renew it, `TransientError` if X was not to be had; the pair stays.
        """
        self._vault.rotate(self._name, self._seen, self._renewed)

    def _renewed(self, stored: str | None) -> str:
        pair = self._pair(stored)
        settings = self._settings
        form = {"grant_type": "refresh_token", "refresh_token": pair.refresh}
        if settings.client_secret is None:
            form["client_id"] = settings.client_id or ""
        try:
            # Not repeatable: a refresh token that X took and that comes again may end the whole login.
            answer = self._http.post(TOKEN_PATH, form=form, accept=(400, 401, 403))
            if not answer.ok:
                raise AuthError(
                    "X does not renew the token: {why}",
                    hint=_LOG_IN,
                    why=self._http.redact(shapes.problem(answer).why) or f"HTTP {answer.status}",
                )
            fresh = answer.decode(shapes.Renewed)
        except UnknownOutcome as error:
            raise TransientError("the token was not renewed: {why}", why=str(error)) from None
        # X is not known to let a refresh token be used twice, nor to give a new one every time.
        renewed = _Pair(
            access=self._known(SecretStr(fresh.access_token)),
            refresh=self._known(SecretStr(fresh.refresh_token or pair.refresh)),
            origin=pair.origin,
        )
        return json.encode(renewed).decode()

    def _pair(self, stored: str | None) -> _Pair:
        """Return the stored pair, unless a person has put another refresh token into hub.toml since."""
        given = self._known(self._settings.refresh_token or SecretStr(""))
        origin = sha256(given.encode()).hexdigest()
        if stored is not None:
            pair = json.decode(stored, type=_Pair)
            if pair.origin == origin:
                self._http.add_secret(pair.access)
                self._http.add_secret(pair.refresh)
                return pair
        return _Pair(access=self._known(self._settings.token), refresh=given, origin=origin)

    def _client(self) -> Mapping[str, str]:
        """Return the header of a confidential client; a public one names itself in the form."""
        if self._settings.client_secret is None:
            return {}
        secret = self._known(self._settings.client_secret)
        pair = f"{quote(self._settings.client_id or '', safe='')}:{quote(secret, safe='')}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def _known(self, secret: SecretStr) -> str:
        """Return a secret in plain, known to the line as one that no message may repeat."""
        value = secret.get_secret_value()
        self._http.add_secret(value)
        return value
