"""Lets a person log in to a network for a new account: in the browser here, or in one on another machine."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

from hub import oauth
from hub.adapter import Adapter
from hub.cli.asking import Questions
from hub.cli.output import Output
from hub.errors import HubError, PluginError, UsageError
from hub.http import Http
from hub.i18n import _, words_of
from hub.models import OAuth, OAuthClient

# Where nobody listens: the person copies the address that their browser could not open.
_UNUSED_PORTS = range(49152, 65536)


class Walk:
    """One login, from the app's registration to the tokens. `deadline` bounds each call, in seconds."""

    def __init__(self, out: Output, adapter: type[Adapter], questions: Questions, deadline: float) -> None:
        assert adapter.oauth is not None
        self._out = out
        self._adapter = adapter
        self._declared = adapter.oauth
        self._questions = questions
        api_url = questions.values.get("api_url") or adapter.Settings.model_fields["api_url"].default
        self._api_url = str(api_url)
        self._deadline = deadline

    def log_in(self, seconds: float, *, port: int | None, browser: bool) -> list[str]:
        """Let the person log in within `seconds`, and keep the tokens; return the rights that were not granted.

        Without `browser` the person opens the address somewhere, and brings the one that it led to.
        """
        declared, questions = self._declared, self._questions
        chosen = declared.port if port is None else port
        with closing(Http(self._api_url, deadline=self._deadline)) as http:
            if browser:
                with oauth.Loopback(_page, chosen) as loopback:
                    attempt = self._attempt(http, loopback.redirect_uri)
                    url = attempt.url()
                    loopback.begin(attempt)
                    self._open(url)
                    code = loopback.wait(seconds)
            else:
                attempt = self._attempt(http, oauth.redirect_uri(chosen or secrets.choice(_UNUSED_PORTS)))
                code = self._pasted(attempt)
            grant = attempt.exchange(code, http)
        questions.hold(declared.token, grant.access_token)
        questions.hold(declared.refresh_token, grant.refresh_token)
        self._out.say(_("Logged in."))
        return grant.missing(declared.scopes)

    def _attempt(self, http: Http, redirect_uri: str) -> oauth.Login:
        return oauth.Login(self._declared, self._api_url, self._client(http, redirect_uri), redirect_uri)

    def _client(self, http: Http, redirect_uri: str) -> OAuthClient:
        """Return the app to log in for: the one given, one that the plugin registers, or one that is asked for."""
        declared, questions = self._declared, self._questions
        if declared.client_id not in questions.values:
            made = self._adapter.register_client(http, redirect_uri)
            if made is not None:
                questions.hold(declared.client_id, made.id)
                questions.hold(declared.client_secret, made.secret)
                return made
            if not declared.client_id:
                raise PluginError("{platform} says not which app to log in for", platform=self._adapter.platform)
            where = _("The app (make one at {url}) must have this redirect address: {redirect}")
            self._out.say(where.format(url=declared.apps_url or "?", redirect=redirect_uri))
            questions.ask_for(declared.client_id)
            if declared.client_secret and declared.client_secret not in questions.values:
                questions.ask_for(declared.client_secret, optional=True)
        return OAuthClient(id=questions.plain(declared.client_id), secret=questions.plain(declared.client_secret))

    def _open(self, url: str) -> None:
        import webbrowser

        self._out.say(_("Log in with your browser. If none opens, open this address:"))
        self._out.say(url)
        with _stdout_kept_clean():
            webbrowser.open(url)

    def _pasted(self, attempt: oauth.Login) -> str:
        """Return the code in the address that the person brings."""
        self._out.say(_("Open this address in any browser, and log in:"))
        self._out.say(attempt.url())
        self._out.say(
            _(
                "Your browser will then fail to open an address that begins with {redirect}: that is right. "
                "Copy the whole of it from the address bar, and paste it here at once:"
            ).format(redirect=attempt.redirect_uri)
        )
        while True:
            answer = sys.stdin.readline() if self._out.input else ""
            if not answer:
                raise UsageError(
                    "the address that the login led to is missing", hint="paste it when it is asked for"
                )
            try:
                return attempt.code_in(answer.strip())
            except oauth.StrayAnswerError as error:
                if not self._questions.ask:
                    raise
                self._out.say("  " + _sentences(error))


def filled_by(declared: OAuth) -> list[str]:
    """Name the settings that a login fills, or asks for by itself."""
    names = (declared.token, declared.refresh_token, declared.client_id, declared.client_secret)
    return [name for name in names if name]


def _sentences(error: HubError) -> str:
    return ". ".join(filter(None, words_of(error)))


def _page(error: HubError | None) -> str:
    """Say in the browser how it went."""
    if error is None:
        return _("You are logged in.") + "\n" + _("Close this page and go back to the terminal.")
    return _("This did not work.") + "\n" + _sentences(error)


@contextmanager
def _stdout_kept_clean() -> Iterator[None]:
    """Let what a browser prints go to stderr: stdout is for the one answer."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
