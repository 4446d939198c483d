"""The kit on opening: registering does nothing but register, opening sends nothing, check() says who we are."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar

import pydantic
import pytest
from pydantic import BaseModel, SecretStr

from hub.adapter import ROLES, AccountSettings, Adapter, Publisher, Settle
from hub.errors import AuthError, HubError
from hub.models import Identity, Receipt
from hub.secrets import plain_secrets
from hub.testing import faults
from hub.testing.contract.calls import a_post, ours
from hub.testing.contract.ground import Ground, calls_of, needs
from hub.testing.contract.registration import registration_of
from hub.testing.double import Double
from hub.testing.faults import Fault
from hub.testing.replies import RepliesDouble
from hub.testing.social import SocialDouble

# Calls that a check() may make: a renewed token, the account, its page.
_A_FEW = 4
# Seconds of the processor's time; a plugin's own import takes some milliseconds.
_SLOW = 1.0
_SECRET = re.compile(r"(.*_)?(token|secret|password|passwd|passphrase|api_?key|private_?key)", re.IGNORECASE)
_ADDRESSES = (
    "",
    "no address",
    "https://",
    "https://elsewhere.invalid/1",
    "https://elsewhere.invalid/posts/1?id=2",
)
# What the hub hands to the verbs that a plugin writes, besides itself.
_ARGUMENTS = {
    "publish": 1,
    "find": 1,
    "limits": 0,
    "edit": 2,
    "delete": 1,
    "fetch_posts": 1,
    "fetch_mentions": 1,
    "fetch_replies": 2,
    "search": 2,
    "reply": 2,
    "pull_contacts": 1,
    "push_contact": 2,
    "add_note": 2,
    "receive": 1,
    "check": 0,
    "sign": 2,
    "explain": 1,
    "remote_id_of": 1,
}


class Opening(Ground):
    """What the hub relies on before the first post."""

    area: ClassVar[str] = "opening"

    def test_registering_makes_no_network_call(self) -> None:
        done = registration_of(self.adapter.__module__)
        assert not done.network, (
            f"importing the plugin, or register_adapters(), spoke to the network: {done.network}; "
            "speak in the verbs, through self.http"
        )

    def test_registering_writes_no_file(self) -> None:
        done = registration_of(self.adapter.__module__)
        assert not done.disk, f"importing the plugin, or register_adapters(), wrote to the disk: {done.disk}"

    def test_registering_starts_no_process(self) -> None:
        done = registration_of(self.adapter.__module__)
        assert not done.processes, f"importing the plugin started a process: {done.processes}"

    def test_registering_is_quick(self) -> None:
        done = registration_of(self.adapter.__module__)
        assert not done.heavy, (
            f"importing the plugin imports {', '.join(done.heavy)}, at every start of every command; "
            "import it in the function that uses it"
        )
        assert done.seconds < _SLOW, f"importing the plugin takes {done.seconds:.1f} s at every start of `hub`"

    def test_the_adapter_is_registered(self) -> None:
        done = registration_of(self.adapter.__module__)
        if done.adapters is None:
            pytest.skip(f"{self.adapter.__module__} has no register_adapters")
        assert self.adapter.__qualname__ in done.adapters, (
            f"register_adapters() returns {done.adapters} and not {self.adapter.__qualname__}: "
            "the hub will not find it"
        )

    def test_the_platform_has_a_name_for_hub_toml(self) -> None:
        platform = getattr(self.adapter, "platform", None)
        assert isinstance(platform, str), 'the class has no platform; say platform = "mynet"'
        assert re.fullmatch(r"[a-z][a-z0-9_]*", platform), (
            f"platform is {platform!r}; it is written in hub.toml: small letters, digits and _ only"
        )

    def test_every_verb_of_every_role_is_written(self) -> None:
        missing = sorted(getattr(self.adapter, "__abstractmethods__", ()))
        assert not missing, f"{', '.join(missing)} is not written, so the account cannot be opened"
        for role in ROLES:
            verbs = sorted(role.__abstractmethods__ - Adapter.__abstractmethods__)
            written = [verb for verb in verbs if hasattr(self.adapter, verb)]
            assert issubclass(self.adapter, role) or not written, (
                f"{self.adapter.__name__} has {', '.join(written)} but is no hub.{role.__name__}: "
                "the hub will never call it; inherit the role"
            )

    def test_every_verb_takes_what_the_hub_hands_it(self) -> None:
        for verb, number in _ARGUMENTS.items():
            written = getattr(self.adapter, verb, None)
            if written is None:
                continue
            try:
                inspect.signature(written).bind(None, *[None] * number)
            except TypeError as error:
                raise AssertionError(
                    f"{verb}{inspect.signature(written)} cannot be called with {number} arguments: {error}"
                ) from None

    @needs(Publisher)
    def test_it_says_how_a_lost_answer_is_settled(self) -> None:
        settle = getattr(self.adapter, "settle", None)
        kinds = typing.get_args(Settle)
        assert settle in kinds, f"settle is {settle!r}; say one of {', '.join(kinds)}"
        forgotten = getattr(self.adapter, "key_life", timedelta.max) < timedelta.max
        looks = settle in ("natural", "lookup") or (settle == "key" and forgotten)
        assert not looks or getattr(self.adapter, "find", None) is not Publisher.find, (
            f"settle is {settle!r}, which needs find(): without it a lost answer means a second post"
        )
        wait = getattr(self.adapter, "settle_after", None)
        assert isinstance(wait, timedelta), f"settle_after is {wait!r}, not a timedelta"
        assert timedelta(0) <= wait <= timedelta(hours=1), f"settle_after is {wait}: a lost post waits that long"

    def test_settings_cannot_be_changed(self, account: Any) -> None:
        name = next(iter(type(account.settings).model_fields))
        with pytest.raises(pydantic.ValidationError):
            setattr(account.settings, name, getattr(account.settings, name))
            pytest.fail("settings can be changed while the account runs; keep frozen=True of AccountSettings")

    def test_an_unknown_setting_is_an_error(self, network: Double) -> None:
        settings = {**self.settings(network), "no_such_setting": 1}
        try:
            self.adapter.Settings.model_validate(settings)
        except pydantic.ValidationError:
            return
        raise AssertionError('Settings take any key, so a misspelt one says nothing; keep extra="forbid"')

    def test_the_account_can_be_pointed_at_another_host(self, network: Double, account: Any) -> None:
        assert issubclass(self.adapter.Settings, AccountSettings), "Settings must inherit hub.AccountSettings"
        calls = calls_of(network, account.check)
        assert calls, "check() did not call the host of api_url: every call goes through self.http, with a path"

    def test_every_secret_is_typed_so(self) -> None:
        plain = list(_plain(self.adapter.Settings))
        assert not plain, (
            f"{', '.join(plain)} looks like a secret and is a plain text, so it shows in logs and errors; "
            "type it SecretStr"
        )

    def test_opening_makes_no_call(self, network: Double, opened: Callable[..., Any]) -> None:
        calls = calls_of(network, opened)
        assert not calls, f"opening an account called {_told(calls)}; ask the network in the verbs"

    def test_naming_the_page_makes_no_call(self, network: Double, account: Any) -> None:
        names: list[object] = []
        calls = calls_of(network, lambda: names.append(self.adapter.page(account.settings)))
        assert not calls, f"page() called {_told(calls)}; it has only the settings to go by"
        assert isinstance(names[0], str), (
            f'page() returned {names[0]!r}; return a text, "" if the settings do not tell'
        )

    def test_check_makes_a_few_calls_and_changes_nothing(self, network: Double, account: Any) -> None:
        before = ours(network) if isinstance(network, SocialDouble) else []
        calls = calls_of(network, account.check)
        assert len(calls) <= _A_FEW, f"check() makes {len(calls)} calls ({_told(calls)}); it is asked often"
        after = ours(network) if isinstance(network, SocialDouble) else []
        assert before == after, "check() published something"

    def test_check_says_who_we_are_and_always_the_same(self, opened: Callable[..., Any]) -> None:
        who = [opened().check() for _ in range(2)]
        assert all(isinstance(one, Identity) for one in who), f"check() returned {who[0]!r}, not an Identity"
        assert who[0].remote_id == who[1].remote_id, (
            f"check() says {who[0].remote_id!r}, then {who[1].remote_id!r}: "
            "Identity.remote_id is the account's own id"
        )

    def test_a_wrong_secret_is_an_auth_error(self, network: Double, opened: Callable[..., Any]) -> None:
        if isinstance(network, RepliesDouble):
            pytest.skip("Replies checks no secret")
        settings = self.settings(network)
        wrong = _wrong(self.adapter.Settings, settings)
        if wrong == settings:
            pytest.skip("the account on the double has no secret")
        try:
            opened(**wrong).check()
        except AuthError:
            return
        except Exception as error:
            raise AssertionError(
                f"with a wrong secret check() raised {type(error).__name__} ({error}), not AuthError: the account "
                "would not be paused; let explain() tell it"
            ) from error
        raise AssertionError(
            "check() succeeds with a wrong secret: make a signed read (or the double looks at no secret)"
        )

    @pytest.mark.parametrize(
        "fault",
        [faults.HTML, faults.MALFORMED, faults.NULL, faults.OTHER_SHAPE, faults.NO_ID, faults.WRONG_TYPE],
        ids=str,
    )
    def test_check_reads_no_rubbish(self, fault: Fault, network: Double, opened: Callable[..., Any]) -> None:
        account = opened(deadline=0.6)
        network.inject(fault.after, times=20)
        try:
            who = account.check()
        except HubError:
            return
        except Exception as error:
            raise AssertionError(
                f"{fault}: check() raised {type(error).__name__}: {error}; decode answers into a shape "
                "(answer.decode(Shape)), which raises what the hub understands"
            ) from error
        assert fault is faults.NO_ID, f"{fault}: check() took it for an answer: {who}"

    @needs(Publisher, SocialDouble)
    def test_a_permalink_leads_back_to_its_post(self, network: SocialDouble, account: Any) -> None:
        receipt: Receipt = account.publish(a_post(account, "Where is this?"))
        if not receipt.url:
            pytest.skip("a receipt has no url")
        found: list[str | None] = []
        calls = calls_of(network, lambda: found.append(account.remote_id_of(receipt.url)))
        assert not calls, f"remote_id_of() called {_told(calls)}; it has only the address to go by"
        assert found[0] in (None, receipt.remote_id), (
            f"remote_id_of({receipt.url!r}) is {found[0]!r}, and the post's id is {receipt.remote_id!r}: "
            "`hub settle --sent URL` would settle for another post"
        )

    @pytest.mark.parametrize("url", _ADDRESSES)
    def test_a_foreign_address_is_no_post(self, url: str, account: Any) -> None:
        found = account.remote_id_of(url)
        assert found is None, f"remote_id_of({url!r}) is {found!r}, but that is no post of {self.adapter.platform}"


def _plain(model: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kinds = list(_kinds(field.annotation))
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _plain(kind, f"{above}{name}.")
        if _SECRET.fullmatch(name) and str in kinds and SecretStr not in kinds:
            yield f"{above}{name}"


def _kinds(annotation: Any) -> Iterator[Any]:
    inner = typing.get_args(annotation)
    if not inner or typing.get_origin(annotation) is typing.Literal:
        yield annotation
    for one in inner:
        yield from _kinds(one)


def _wrong(model: type[BaseModel], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with every secret replaced by a wrong one."""
    changed = dict(settings)
    for dotted in list(plain_secrets(model, changed, ())):
        *above, key = dotted.split(".")
        table = changed
        for name in above:
            table[name] = dict(table[name])
            table = table[name]
        table[key] = f"wrong{table[key]}"
    return changed


def _told(calls: list[Any]) -> str:
    return ", ".join(f"{call.method} {call.path}" for call in calls)
