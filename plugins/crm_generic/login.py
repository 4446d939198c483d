"""Proves who calls: by a secret of hub.toml, or by a token that is got and renewed, and kept in the vault."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlsplit

from msgspec import Struct, json

from hub import Answer, AuthError, Http, HubError, OAuth, OAuthClient, TransientError, UnknownOutcome, Vault
from plugins.crm_generic.auth import Auth
from plugins.crm_generic.encode import pairs
from plugins.crm_generic.expressions import getter
from plugins.crm_generic.templates import fill

_NAME = "crm_generic"
_LOG_IN = "run `hub crm login {account}`, then `hub check {account}`"


class Tokens(Struct):
    """What the vault holds. `origin` tells which settings the tokens descend from."""

    access: str
    origin: str
    refresh: str = ""
    base_url: str = ""


class Login:
    """Proves who calls. One account's; used by one thread at a time, like its adapter."""

    def __init__(self, account: str, auth: Auth, api_url: str, http: Http, vault: Vault) -> None:
        self._account = account
        self._auth = auth
        self._api_url = api_url.rstrip("/")
        self._http = http
        self._vault = vault
        self._secret = auth.secret.get_secret_value() if auth.secret else ""
        pair = f"{auth.user}:{self._secret}" if auth.filler is None else f"{self._secret}:{auth.filler}"
        self._basic = b64encode(pair.encode()).decode()
        self._refresh = auth.refresh_token.get_secret_value() if auth.refresh_token else ""
        self._stored: str | None = None
        self._tokens: Tokens | None = None
        self._logging_in = False
        # A CRM that quotes the call in its error may quote these as they were sent.
        for sent in (self._secret, quote(self._secret, safe=""), self._basic, self._refresh):
            http.add_secret(sent)

    @property
    def renews(self) -> bool:
        return self._auth.renews

    @property
    def kind(self) -> str:
        return self._auth.kind

    @property
    def hint(self) -> str:
        """Say what mends a login that no longer works."""
        if self._auth.grant == "authorization_code":
            return _LOG_IN.format(account=self._account)
        return "renew auth.secret of this account, then run hub check"

    def ready(self) -> None:
        """Have a token before a call begins: one call cannot be made within another."""
        if self.renews:
            self._now()

    def headers(self) -> Mapping[str, str]:
        """Return the headers that prove who calls."""
        auth = self._auth
        if self._logging_in:
            return {}
        if auth.kind == "bearer":
            return {"Authorization": f"Bearer {self._secret}"}
        if auth.kind == "basic":
            return {"Authorization": f"Basic {self._basic}"}
        if auth.kind == "header":
            return {auth.name: (auth.prefix or "") + self._secret}
        if auth.renews and auth.place == "header":
            prefix = "Bearer " if auth.prefix is None else auth.prefix
            return {auth.name or "Authorization": prefix + self._now().access}
        return {}

    def in_query(self) -> Mapping[str, str]:
        auth = self._auth
        if auth.kind == "query":
            return {auth.name: self._secret}
        return {auth.name: self._now().access} if auth.renews and auth.place == "query" else {}

    def in_body(self) -> Mapping[str, Any]:
        """Return what `{auth.…}` stands for in the body of an rpc call."""
        auth = self._auth
        values: dict[str, Any] = {"auth.secret": self._secret, "auth.user": auth.user}
        if auth.renews and auth.place == "body":
            access = self._now().access
            # An id that a login gave is a number again where it was one.
            values["auth.token"] = int(access) if access.isdecimal() and auth.kind == "session" else access
        return values

    def path_prefix(self) -> str:
        if self._auth.kind != "path":
            return ""
        return "".join(f"/{quote(part, safe='')}" for part in (self._auth.user, self._secret) if part)

    def base_url(self) -> str:
        """Return the address to which paths are added: the account's, or the one that came with the token."""
        return (self._now().base_url if self._auth.base_url else "") or self._api_url

    def renew(self) -> None:
        """Replace the token that the last call was refused with, unless somebody has done so already.

        Raises `AuthError` if the CRM gives none, `TransientError` if it was not to be had; what is stored stays.
        """
        self._take(self._vault.rotate(_NAME, self._stored, self._renewed))

    def declared(self) -> tuple[OAuth, OAuthClient] | None:
        """Return how a person logs in with a browser, None where nobody does."""
        auth = self._auth
        if auth.grant != "authorization_code" or not auth.authorize_url or not auth.token_url:
            return None
        declared = OAuth(
            authorize_url=self._address(auth.authorize_url),
            token_url=self._address(auth.token_url),
            scopes=auth.scopes,
            client_auth="basic" if auth.client_auth == "basic" else "form",
            port=auth.port,
            apps_url=auth.apps_url,
        )
        return declared, OAuthClient(id=auth.client_id, secret=self._secret)

    def keep(self, access: str, refresh: str) -> None:
        """Put tokens that a person's login brought into the vault, in place of those that are there."""
        made = json.encode(Tokens(access=access, refresh=refresh, origin=self._origin())).decode()
        self._vault.rotate(_NAME, self._vault.read(_NAME), lambda _: made)
        self._take(made)

    def _now(self) -> Tokens:
        if self._tokens is None:
            self._take(self._vault.read(_NAME))
        if self._tokens is None:
            self.renew()
        assert self._tokens is not None
        return self._tokens

    def _origin(self) -> str:
        auth = self._auth
        descent = (auth.kind, auth.user, auth.client_id, self._secret, self._refresh)
        return sha256("\0".join(descent).encode()).hexdigest()

    def _take(self, stored: str | None) -> None:
        """Use what the vault holds, unless the settings have changed since."""
        self._stored = stored
        tokens = None if stored is None else json.decode(stored, type=Tokens)
        if tokens is not None and tokens.origin != self._origin():
            tokens = None
        self._tokens = tokens
        if tokens is not None:
            for secret in (tokens.access, tokens.refresh):
                # Short ones are numbers such as the id of a user, which are no secret.
                if not secret.isdecimal():
                    self._http.add_secret(secret)

    def _renewed(self, stored: str | None) -> str:
        self._take(stored)
        made = self._by_session() if self._auth.kind == "session" else self._by_oauth()
        return json.encode(made).decode()

    def _by_session(self) -> Tokens:
        login = self._auth.login
        assert login is not None
        values = {"user": self._auth.user, "secret": self._secret}
        body, params = fill(login.body, values), fill(dict(login.params), values)
        sent: dict[str, Any] = {"json": body}
        if login.form and body is not None:
            sent = {"form": dict(pairs(body))}
        answer = self._asked(login.method, self._api_url + login.path, again=True, params=params, **sent)
        access = _found(answer, login.gives)
        if not access:
            # An answer of another shape is trouble; one that says no is a refusal.
            raise self._refused(answer, getter(login.gives)(answer.json()) in (False, "", 0))
        return Tokens(access=access, origin=self._origin(), base_url=self._base_in(answer))

    def _by_oauth(self) -> Tokens:
        auth = self._auth
        refresh = (self._tokens.refresh if self._tokens else "") or self._refresh
        form: dict[str, str] = {"grant_type": "client_credentials"}
        if auth.grant == "authorization_code":
            if not refresh:
                raise AuthError("nobody has logged in to this account yet", hint=self.hint)
            form = {"grant_type": "refresh_token", "refresh_token": refresh}
            if auth.redirect_uri:
                form["redirect_uri"] = auth.redirect_uri
        elif auth.scopes:
            form["scope"] = " ".join(auth.scopes)
        form |= auth.extra
        headers: dict[str, str] = {}
        if auth.client_auth == "basic" and self._secret:
            pair = f"{quote(auth.client_id, safe='')}:{quote(self._secret, safe='')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
            self._http.add_secret(headers["Authorization"].removeprefix("Basic "))
        else:
            form |= {"client_id": auth.client_id, **({"client_secret": self._secret} if self._secret else {})}
        sent = {"json": form} if auth.client_auth == "json" else {"form": form}
        again = auth.grant == "client_credentials"
        answer = self._asked("POST", self._address(auth.token_url or ""), again=again, headers=headers, **sent)
        access = _found(answer, "access_token")
        if not access:
            raise self._refused(answer, False)
        # Some CRMs give a new refresh token every time, and end the old one; others keep it.
        return Tokens(
            access=access,
            refresh=_found(answer, "refresh_token") or refresh,
            origin=self._origin(),
            base_url=self._base_in(answer),
        )

    def _asked(self, method: str, url: str, *, again: bool, **sent: Any) -> Answer:
        """Ask for a token, with `again` a second time where the answer is lost.

        A refresh token that is good once must not come twice: that may end the whole login.
        """
        self._logging_in = True
        try:
            answer = self._http.request(method, url, accept=(400, 401, 403), repeatable=again, **sent)
        except UnknownOutcome as error:
            raise TransientError("the token was not renewed: {why}", why=str(error)) from None
        finally:
            self._logging_in = False
        if not answer.ok:
            why = _reason(answer) or f"HTTP {answer.status}"
            raise AuthError("the CRM gives no token: {why}", hint=self.hint, why=self._http.redact(why)[:300])
        return answer

    def _refused(self, answer: Answer, says_no: bool) -> HubError:
        why = _reason(answer)
        if not says_no and not why:
            return TransientError("the answer of {url} holds no token", url=answer.url)
        return AuthError(
            "the CRM gives no token{why}", hint=self.hint, why=f": {self._http.redact(why)[:300]}" if why else ""
        )

    def _base_in(self, answer: Answer) -> str:
        """Return the address that came with the token; it gets the token, so it must be as safe as ours."""
        found = _found(answer, self._auth.base_url).rstrip("/") if self._auth.base_url else ""
        if found and not found.startswith(("https://", "http://")):
            found = f"https://{found}"
        if found.startswith("http://") and self._api_url.startswith("https://"):
            raise AuthError("the CRM's own address is not https: {url}", url=found)
        return found

    def _address(self, url: str) -> str:
        if not url.startswith("/"):
            return url
        parts = urlsplit(self._api_url)
        return f"{parts.scheme}://{parts.netloc}{url}"


def _found(answer: Answer, expression: str) -> str:
    try:
        value = getter(expression)(answer.json())
    except (HubError, ValueError):
        raise TransientError("the answer to {url} is no token", url=answer.url) from None
    return str(value) if isinstance(value, str | int) and value and not isinstance(value, bool) else ""


def _reason(answer: Answer) -> str:
    try:
        body = answer.json()
    except HubError:
        return ""
    if not isinstance(body, dict):
        return ""
    for name in ("error_description", "error", "message", "detail", "hint"):
        if isinstance(body.get(name), str) and body[name]:
            return str(body[name])
    return ""
