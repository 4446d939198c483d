"""Makes the calls that the settings describe: fills their templates, proves who calls, renews the token once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from hub import Answer, AuthError, Http, RejectedError
from plugins.crm_generic.encode import pairs
from plugins.crm_generic.endpoints import Endpoint
from plugins.crm_generic.filters import FilterError
from plugins.crm_generic.listing import List
from plugins.crm_generic.login import Login
from plugins.crm_generic.settings import CrmSettings
from plugins.crm_generic.templates import LEFT_OUT, fill, positional, whole


class _Made(NamedTuple):
    path: str
    params: dict[str, Any]
    body: Any
    headers: dict[str, str]
    parts: dict[str, Any]


class Line:
    """One account's line to its CRM. Raises what `Http` raises."""

    def __init__(self, settings: CrmSettings, http: Http, login: Login) -> None:
        self._settings = settings
        self._http = http
        self._login = login

    def call(
        self,
        endpoint: Endpoint,
        values: Mapping[str, Any],
        *,
        repeatable: bool,
        extra: Mapping[str, Any] | None = None,
        link: tuple[str, Mapping[str, Any]] | None = None,
    ) -> Answer:
        """Make the call with these values for its placeholders.

        `extra` are parameters beside those of the endpoint; `link` is an address with parameters in place of
        the endpoint's own. A call that is refused for its token alone is made again with a new one.
        """
        try:
            made = self._made(endpoint, values, extra or {}, link)
        except FilterError as error:
            raise RejectedError(
                "what is to be sent cannot be written: {why}",
                hint="mend the value, or the template in hub.toml",
                why=str(error),
            ) from None
        self._login.ready()
        try:
            return self._once(endpoint, made, repeatable=repeatable)
        except AuthError:
            if not self._login.renews:
                raise
            self._login.renew()
            return self._once(endpoint, made, repeatable=repeatable)

    def _made(
        self,
        endpoint: Endpoint,
        values: Mapping[str, Any],
        extra: Mapping[str, Any],
        link: tuple[str, Mapping[str, Any]] | None,
    ) -> _Made:
        headers = {name: str(value) for name, value in _filled(endpoint.headers, values).items()}
        if link is not None:
            return _Made(link[0], dict(link[1]), None, headers, {})
        if isinstance(endpoint, List):
            in_query, in_body = endpoint.in_query, endpoint.in_body
        else:
            in_query, in_body = endpoint.params, endpoint.body
        params = _filled(in_query, values)
        body = positional(in_body, values) if endpoint.rpc else whole(in_body, values)
        if isinstance(endpoint, List) and endpoint.method == "POST" and endpoint.body is None and not endpoint.rpc:
            body = {**({} if body in (LEFT_OUT, None) else body), **extra}
        else:
            params |= extra
        in_path = {
            name: quote(str(value), safe="") for name, value in values.items() if not isinstance(value, dict)
        }
        path = "" if endpoint.path is None else str(fill(endpoint.path, in_path))
        parts = _filled(endpoint.parts, values)
        return _Made(path, params, None if body is LEFT_OUT else body, headers, parts)

    def _once(self, endpoint: Endpoint, made: _Made, *, repeatable: bool) -> Answer:
        login, settings = self._login, self._settings
        path, body, form, method = made.path, made.body, endpoint.form, endpoint.method
        if endpoint.rpc and settings.rpc is not None:
            path, form, method = settings.rpc.path, settings.rpc.form, "POST"
            parts = {f"part.{name}": part for name, part in {**settings.rpc.parts, **made.parts}.items()}
            values = {"method": endpoint.rpc, "params": {} if body is None else body, **parts, **login.in_body()}
            body = fill(settings.rpc.body, values)
        if not path.startswith(("http://", "https://")):
            path = login.base_url() + login.path_prefix() + path
        sent: dict[str, Any] = {"form": dict(pairs(body))} if form and body is not None else {"json": body}
        return self._http.request(
            method,
            path,
            params={**made.params, **login.in_query()},
            headers=made.headers or None,
            repeatable=repeatable,
            **sent,
        )


def _filled(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = whole(dict(template), values)
    return made
