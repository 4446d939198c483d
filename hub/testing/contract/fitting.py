"""The kit on limits: the longest post that the hub lets through is taken, and one unit more is not."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import pytest

from hub.adapter import Publisher
from hub.errors import HubError, RejectedError
from hub.models import Limits, Media, Post
from hub.publishing.length import measure, within
from hub.resemblance import text_key
from hub.testing.contract.calls import copies, image, ours, the_one
from hub.testing.contract.ground import Ground, needs
from hub.testing.social import SocialDouble

# What networks count differently: by code point, by grapheme, in UTF-16, in bytes, by weight.
ALPHABETS = {
    "ASCII": "a",
    "Cyrillic": "ж",
    "Chinese": "中",
    "emoji": "🐟",
    "a family": "👨‍👩‍👧‍👦",
    "a flag": "🇪🇹",
    "combining marks": "e\N{COMBINING ACUTE ACCENT}",
    "right to left": "ש",
    "links": "https://example.org/a/rather/long/way/to/say?it=1 ",
    "mixed": "Привет, ünï 中 👩🏽‍🔬 e\N{COMBINING ACUTE ACCENT} שלום https://example.org/x?y=1 ",
}
# A network that takes more than this takes anything, for our purposes (characters).
_ANY_LENGTH = 400_000


class Fitting(Ground):
    """What the hub relies on when it makes a post fit."""

    area: ClassVar[str] = "limits"

    @needs(Publisher)
    def test_limits_are_always_the_same(self, account: Any) -> None:
        first, second = account.limits(), account.limits()
        assert isinstance(first, Limits), f"limits() returned {first!r}, not Limits"
        assert first == second, f"limits() says {first}, then {second}: a thread would be cut in two ways"

    @needs(Publisher)
    def test_limits_are_asked_once(self, account: Any) -> None:
        account.limits()
        before = account.http.last_request_id
        limits = account.limits()
        assert limits.maximum >= 0, "limits().maximum is negative; 0 says that there is none"
        assert limits.media_count >= 0, "limits().media_count is negative"
        assert account.http.last_request_id == before, "limits() asks the network each time; remember the answer"

    @needs(Publisher, SocialDouble)
    @pytest.mark.parametrize("alphabet", ALPHABETS)
    def test_the_longest_text_is_taken(self, alphabet: str, network: SocialDouble, account: Any) -> None:
        text, limits = self._longest(account, alphabet)
        self._is_taken(network, account, Post(text=text, key="kit-longest"), measure(text, limits), limits)

    @needs(Publisher, SocialDouble)
    @pytest.mark.parametrize("alphabet", ALPHABETS)
    def test_one_unit_more_is_refused(self, alphabet: str, network: SocialDouble, account: Any) -> None:
        text, limits = self._longest(account, alphabet)
        self._is_refused(
            network, account, Post(text=text + "a", key="kit-longer"), measure(text + "a", limits), limits
        )

    @needs(Publisher, SocialDouble)
    def test_the_longest_text_beside_an_image(self, network: SocialDouble, account: Any) -> None:
        limits = account.limits()
        if limits.maximum_with_media is None or not limits.media_count:
            pytest.skip(f"{self.adapter.platform} takes as long a text beside an image as without")
        text, limits = self._longest(account, "ASCII", media=True)
        post = Post(text=text, media=(image(),), key="kit-with-image")
        self._is_taken(network, account, post, len(text), limits)
        longer = msgspec.structs.replace(post, text=text + "a", key="kit-with-image.1")
        self._is_refused(network, account, longer, len(text) + 1, limits)

    @needs(Publisher, SocialDouble)
    def test_the_most_images_are_taken(self, network: SocialDouble, account: Any) -> None:
        most = account.limits().media_count
        if not most:
            pytest.skip(f"{self.adapter.platform} takes no images")
        receipt = self._publish(account, _album(most), f"limits() says that {most} images go into a post")
        held = the_one(network, receipt.remote_id)
        assert held is not None, "the network does not hold what publish() gave a receipt for"
        assert len(held.alts) == most, f"of {most} images, which limits() allows, {len(held.alts)} arrived"

    @needs(Publisher, SocialDouble)
    def test_one_image_more_is_refused(self, network: SocialDouble, account: Any) -> None:
        most = account.limits().media_count
        try:
            receipt = account.publish(_album(most + 1))
        except RejectedError:
            assert not ours(network), "publish() raised RejectedError, and a post with too many images is there"
            return
        except HubError as error:
            raise AssertionError(
                f"{most + 1} images are one too many, and publish() raised {type(error).__name__} ({error}), not "
                "RejectedError: the hub would go on trying"
            ) from error
        held = the_one(network, receipt.remote_id)
        raise AssertionError(
            f"limits() says {most} images, and {most + 1} were taken ({len(held.alts) if held else 0} arrived): "
            "either limits() is too strict, publish() drops some, or the double does not count as the network does"
        )

    def _longest(self, account: Any, alphabet: str, *, media: bool = False) -> tuple[str, Limits]:
        limits: Limits = account.limits()
        text = longest(ALPHABETS[alphabet], limits, media=media)
        if text is None:
            pytest.skip(f"{self.adapter.platform} takes a text of any length")
        return text, limits

    def _publish(self, account: Any, post: Post, claim: str) -> Any:
        try:
            return account.publish(post)
        except HubError as error:
            raise AssertionError(
                f"{claim}, and the network refused it ({error}): limits() is not what the network takes"
            ) from error

    def _is_taken(self, network: SocialDouble, account: Any, post: Post, length: int, limits: Limits) -> None:
        claim = f"by limits() a text of {length} {limits.unit}s fits ({_walls(limits)})"
        receipt = self._publish(account, post, claim)
        held = the_one(network, receipt.remote_id)
        assert held is not None, "the network does not hold what publish() gave a receipt for"
        assert text_key(held.text) == text_key(post.text), (
            f"{claim}, and only {len(held.text)} of {len(post.text)} characters arrived: never cut in publish()"
        )

    def _is_refused(self, network: SocialDouble, account: Any, post: Post, length: int, limits: Limits) -> None:
        try:
            account.publish(post)
        except RejectedError:
            assert not copies(network, post.text), "publish() raised RejectedError, and the too long post is there"
            return
        except HubError as error:
            raise AssertionError(
                f"the network refused a text of {length} {limits.unit}s, and publish() raised "
                f"{type(error).__name__} ({error}), not RejectedError: the hub would go on trying"
            ) from error
        raise AssertionError(
            f"limits() says that a text of {length} {limits.unit}s is too long ({_walls(limits)}), and the "
            "network took it: either limits() is too strict, publish() cuts the text, or the double does not "
            "count as the network does"
        )


def longest(sample: str, limits: Limits, *, media: bool = False) -> str | None:
    """Return a text of `sample`, filled up with the letter a, that just fits; None if there is no end to it."""
    low, high = 0, 1
    while within(sample * high + "a", limits, media=media):
        low, high = high, high * 2
        if len(sample) * high > _ANY_LENGTH:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if within(sample * middle + "a", limits, media=media) else (low, middle)
    text = sample * low
    while within(text + "a", limits, media=media):
        text += "a"
    return text


def _album(number: int) -> Post:
    media: tuple[Media, ...] = tuple(image(place) for place in range(1, number + 1))
    return Post(text="An album", media=media, key=f"kit-album-{number}")


def _walls(limits: Limits) -> str:
    walls = [f"maximum={limits.maximum}"]
    if limits.maximum_with_media is not None:
        walls.append(f"maximum_with_media={limits.maximum_with_media}")
    if limits.max_bytes:
        walls.append(f"max_bytes={limits.max_bytes}")
    if limits.link_cost is not None:
        walls.append(f"link_cost={limits.link_cost}")
    return ", ".join(walls)
