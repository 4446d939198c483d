"""Finds the call that does a thing by watching what the network holds, so that a fault can strike just that."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from hub.errors import DuplicateError, RejectedError
from hub.models import Media, Post
from hub.publishing.text import fit
from hub.resemblance import text_key
from hub.testing.double import Only, Request
from hub.testing.opening import open_adapter
from hub.testing.social import Held, SocialDouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.testing.contract.ground import Ground

# No single verb makes as many calls.
_MANY = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call stands: the `index`-th (from 0) of those with this method and path (None: any segment)."""

    method: str
    path: tuple[str | None, ...]
    index: int

    def alike(self, request: Request) -> bool:
        segments = request.path.split("/")
        return (
            request.method == self.method
            and len(segments) == len(self.path)
            and all(mine in (None, theirs) for mine, theirs in zip(self.path, segments, strict=True))
        )

    def only(self) -> Only:
        """Take just this call, counted from now."""
        seen = count()
        return lambda request: self.alike(request) and next(seen) == self.index

    def __str__(self) -> str:
        return f"{self.method} {'/'.join('…' if segment is None else segment for segment in self.path)}"


def ours(network: SocialDouble) -> list[Held]:
    """Return all that we said on the network: posts, and answers under posts."""
    posts = network.held()
    known = {post.id for post in posts}
    with network.lock:
        answers = [
            Held(remark.id, remark.text, reply_to=remark.parent_id or remark.post_id)
            for remark in network.remarks.values()
            if remark.person.id == network.us.id and not remark.deleted and remark.id not in known
        ]
    return [*posts, *answers]


def copies(network: SocialDouble, text: str) -> list[Held]:
    """Return what we said on the network that says `text`, links and punctuation aside."""
    wanted = text_key(text)
    return [one for one in ours(network) if text_key(one.text) == wanted]


def the_one(network: SocialDouble, remote_id: str) -> Held | None:
    """Return what the network holds under an id, None if nothing."""
    return next((one for one in ours(network) if one.id == remote_id), None)


def changing(network: SocialDouble, work: Callable[[], object]) -> list[int]:
    """Return which of the calls that `work` makes changed what the network holds, by their number from 0."""
    seen: list[Any] = []

    def watch(_: Request) -> bool:
        seen.append(_picture(network))
        return True

    network.inject_sequence([None] * _MANY, watch)
    work()
    network.calm()
    seen.append(_picture(network))
    return [number for number in range(len(seen) - 1) if seen[number] != seen[number + 1]]


def _picture(network: SocialDouble) -> list[tuple[str, str]]:
    return [(one.id, one.text) for one in ours(network)]


def place_of(network: SocialDouble, *works: Callable[[], object]) -> Place:
    """Return where the call stands that changes what the network holds; where the works differ it is any."""
    places = [_place(network, work) for work in works]
    first = places[0]
    path = tuple(
        segment if all(other.path[at : at + 1] == (segment,) for other in places) else None
        for at, segment in enumerate(first.path)
    )
    return Place(first.method, path, first.index)


def _place(network: SocialDouble, work: Callable[[], object]) -> Place:
    before = len(network.calls)
    changes = changing(network, work)
    calls = network.calls[before:]
    assert changes, (
        f"on a network without trouble {len(calls)} calls were made, and what held() lists did not change: "
        "either the plugin does not do what it says, or the double does not keep it in `posts`"
    )
    done = calls[changes[-1]]
    index = sum((call.method, call.path) == (done.method, done.path) for call in calls[: changes[-1]])
    return Place(done.method, tuple(done.path.split("/")), index)


_numbers = count(1)


def a_post(account: Any, text: str, **content: Any) -> Post:
    """Return the post as the hub would hand it to the plugin, with a key of its own."""
    key = f"kit-{next(_numbers)}@{account.account}"
    (part,) = fit(Post(text=text, key=key, **content), account.limits(), overflow="thread")
    return part


def takes_once(account: Any) -> bool:
    """Tell whether the network refuses a second post with the same words."""
    account.publish(a_post(account, "Said twice"))
    try:
        account.publish(a_post(account, "Said twice"))
    except (DuplicateError, RejectedError):
        return True
    return False


def image(number: int = 1, alt: str = "") -> Media:
    """Return a small PNG, another one for each number."""
    return Media(content=_png(number), mime="image/png", alt=alt or f"Picture number {number}")


@functools.cache
def _png(number: int) -> bytes:
    from io import BytesIO

    from PIL import Image

    content = BytesIO()
    colour = (37 * number % 256, 91 * number % 256, 201 * number % 256)
    Image.new("RGB", (320, 240), colour).save(content, "PNG")
    return content.getvalue()


@contextmanager
def scratch(contract: Ground) -> Iterator[tuple[SocialDouble, Any]]:
    """Start a network of its own, and open an account on it."""
    with contract.make_network() as network:
        assert isinstance(network, SocialDouble)
        account: Any = open_adapter(contract.adapter, contract.settings(network), paced=False)
        try:
            yield network, account
        finally:
            account.http.close()


def making(contract: Ground) -> Place:
    """Return the place of the call that makes a post; found once for each contract class."""
    if type(contract) not in _making:
        with scratch(contract) as (network, account):

            def publish(text: str) -> Callable[[], object]:
                return lambda: account.publish(a_post(account, text))

            # The network may be asked for its limits, once; that is no part of what is looked for.
            account.limits()
            _making[type(contract)] = place_of(network, publish("The first post"), publish("Another post"))
    return _making[type(contract)]


_making: dict[type[object], Place] = {}


def calls_alike(calls: Sequence[Request], place: Place) -> int:
    return sum(place.alike(call) for call in calls)
