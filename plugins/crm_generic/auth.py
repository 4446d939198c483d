"""What hub.toml says about how a call proves who makes it."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from plugins.crm_generic.fields import Address, Expression, Part, Path, only

Kind = Literal["bearer", "basic", "header", "query", "path", "body", "oauth2", "session"]

# What each kind needs, and what it may have besides; `secret` is every kind's.
_NEEDS: dict[str, tuple[str, ...]] = {
    "header": ("name",),
    "query": ("name",),
    "oauth2": ("grant", "token_url", "client_id"),
    "session": ("login",),
}
_PLACED = ("place", "name", "prefix", "base_url")
_MAY: dict[str, tuple[str, ...]] = {
    "basic": ("user", "filler"),
    "header": ("prefix",),
    "path": ("user",),
    "body": ("user",),
    "session": ("user", *_PLACED),
    "oauth2": (
        *("authorize_url", "refresh_token", "redirect_uri", "client_auth", "scopes", "extra", "port"),
        *("apps_url", *_PLACED),
    ),
}


class SessionLogin(Part):
    """A call that trades user and secret for a token; `{user}` and `{secret}` stand in it."""

    method: Literal["POST", "GET"] = "POST"
    path: Path
    params: dict[str, Any] = Field(default_factory=dict)
    body: Any = None
    form: bool = False
    gives: Expression

    @model_validator(mode="after")
    def _fits(self) -> Self:
        only(self.params, ("user", "secret"), "params")
        only(self.body, ("user", "secret"), "body")
        return self


class Auth(Part):
    """How a call proves who makes it; one `secret` whatever the kind."""

    kind: Kind
    secret: SecretStr | None = None
    user: str = ""
    filler: str | None = None
    name: str = ""
    prefix: str | None = None
    place: Literal["header", "query", "body"] = "header"
    base_url: Expression | None = None
    login: SessionLogin | None = None
    grant: Literal["client_credentials", "authorization_code"] | None = None
    authorize_url: Address | None = None
    token_url: Address | None = None
    client_id: str = ""
    refresh_token: SecretStr | None = None
    redirect_uri: str = ""
    client_auth: Literal["basic", "form", "json"] = "form"
    scopes: tuple[str, ...] = ()
    extra: dict[str, str] = Field(default_factory=dict)
    port: int = 0
    apps_url: str = ""

    @property
    def renews(self) -> bool:
        """Whether the hub gets and renews the token by itself."""
        return self.kind in ("oauth2", "session")

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        needed = _NEEDS.get(self.kind, ())
        for key in needed:
            if not getattr(self, key):
                raise ValueError(f"kind {self.kind!r} needs {key}")
        allowed = {"kind", "secret", *needed, *_MAY.get(self.kind, ())}
        for key in sorted(self.model_fields_set - allowed):
            raise ValueError(f"{key} has no meaning with kind {self.kind!r}")
        self._check_secret()
        if self.kind == "basic":
            self._check_pair()
        in_header = self.kind == "header" or (self.renews and self.place == "header" and self.name)
        if in_header and not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", self.name):
            raise ValueError(f"name {self.name!r} is no header name")
        if self.renews and self.place == "query" and not self.name:
            raise ValueError("place 'query' needs name")
        if self.grant == "authorization_code" and not (self.authorize_url or self.refresh_token):
            raise ValueError("grant 'authorization_code' needs authorize_url, or a refresh_token")
        return self

    def _check_pair(self) -> None:
        if bool(self.user) == (self.filler is not None):
            raise ValueError(
                "kind 'basic' needs user, or, where the secret takes the place of the user, filler: "
                'what the CRM wants for a password then, such as "X" or ""'
            )
        secret = self.secret.get_secret_value() if self.secret else ""
        if ":" in (self.user or secret):
            raise ValueError("user cannot hold a colon")

    def _check_secret(self) -> None:
        if self.secret is None:
            if self.kind == "oauth2" and self.grant == "authorization_code":
                return  # a public client has none
            raise ValueError(f"kind {self.kind!r} needs secret")
        secret = self.secret.get_secret_value()
        if not secret:
            raise ValueError("secret is empty")
        # h11 would quote the whole header in its complaint, and with it the secret.
        if self.kind in ("bearer", "header") and not re.fullmatch(r"[!-~]([ -~]*[!-~])?", secret):
            raise ValueError("secret holds a character that a header cannot carry, such as a line break")
