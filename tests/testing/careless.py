"""Plugins with one mistake each, and the test of the kit that must name it. Run by `test_kit_mistakes`."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from pydantic import ConfigDict, SecretStr
from support import Village, VillageDouble

import hub
from hub.testing import AdapterContract

_numbers = itertools.count(1)


class SendsAgain(Village):
    def publish(self, post: hub.Post) -> hub.Receipt:
        body = {"text": post.text, "images": [], "answers": None}
        made = self.http.post("/posts", json=body, repeatable=True).json()
        return hub.Receipt(remote_id=str(made["id"]))


class TriesTwice(Village):
    def publish(self, post: hub.Post) -> hub.Receipt:
        try:
            return super().publish(post)
        except hub.UnknownOutcome:
            return super().publish(post)


class CallsDoubtARefusal(Village):
    def publish(self, post: hub.Post) -> hub.Receipt:
        try:
            return super().publish(post)
        except hub.UnknownOutcome as error:
            raise hub.RejectedError(str(error)) from None


class BelievesAnyAnswer(Village):
    def publish(self, post: hub.Post) -> hub.Receipt:
        made = self.http.post("/posts", json={"text": post.text, "images": [], "answers": None}).json()
        return hub.Receipt(remote_id=str(made.get("id", "none")))


class BlamesTheToken(Village):
    def explain(self, answer: hub.Answer) -> hub.HubError | None:
        return hub.AuthError("something is wrong") if answer.status >= 500 else None


class LooksNowhere(Village):
    def find(self, post: hub.Post) -> hub.Receipt | None:
        return None


class LooksAtWordsAlone(Village):
    def find(self, post: hub.Post) -> hub.Receipt | None:
        items = [item for batch in self.fetch_posts(None) for item in batch.items]
        return next((hub.Receipt(remote_id=item.remote_id) for item in items if item.text == post.text), None)


class LooksForTheBeginning(Village):
    def find(self, post: hub.Post) -> hub.Receipt | None:
        items = [item for batch in self.fetch_posts(None) for item in batch.items]
        return next(
            (hub.Receipt(remote_id=one.remote_id) for one in items if one.text[:10] == post.text[:10]), None
        )


class Cuts(Village):
    def publish(self, post: hub.Post) -> hub.Receipt:
        return super().publish(msgspec.structs.replace(post, text=post.text[:400]))


class JoinsLines(Village):
    def publish(self, post: hub.Post) -> hub.Receipt:
        return super().publish(msgspec.structs.replace(post, text=" ".join(post.text.split())))


class PromisesTooMuch(Village):
    def limits(self) -> hub.Limits:
        return hub.Limits(unit="grapheme", maximum=600, link="text", media_count=5)


class PromisesTooLittle(Village):
    def limits(self) -> hub.Limits:
        return hub.Limits(unit="grapheme", maximum=300, link="text", media_count=2)


class CountsAnotherUnit(Village):
    def limits(self) -> hub.Limits:
        return hub.Limits(unit="codepoint", maximum=500, link="text", media_count=4)


class ChangesItsLimits(Village):
    def limits(self) -> hub.Limits:
        return hub.Limits(unit="grapheme", maximum=400 + next(_numbers) % 2, link="text", media_count=4)


class LosesTheLink(Village):
    def limits(self) -> hub.Limits:
        return hub.Limits(unit="grapheme", maximum=500, link="field", media_count=4)


class LosesDescriptions(Village):
    def publish(self, post: hub.Post) -> hub.Receipt:
        images = [hub.Media(content=image.content, mime=image.mime, alt="image") for image in post.media]
        return super().publish(msgspec.structs.replace(post, media=images))


class ForgetsTheThread(Village):
    def publish(self, post: hub.Post) -> hub.Receipt:
        return super().publish(msgspec.structs.replace(post, reply_to=None))


class TellsTheSecretInTheAddress(Village):
    def check(self) -> hub.Identity:
        self.http.get("/me", params={"token": self.settings.token.get_secret_value()})
        return super().check()


class TellsTheSecretInAnError(Village):
    def explain(self, answer: hub.Answer) -> hub.HubError | None:
        return None if answer.ok else hub.RejectedError(answer.body.decode())


class TakesAPlainSecret(Village):
    class Settings(hub.AccountSettings):
        token: str

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.settings.token}"}


class TakesAnySetting(Village):
    class Settings(hub.AccountSettings):
        model_config = ConfigDict(extra="ignore", frozen=False)
        token: SecretStr


class CallsAtOnce(Village):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.me = self.check()


class ChecksNothing(Village):
    def check(self) -> hub.Identity:
        self.http.get("/me", accept=(401,))
        return hub.Identity(remote_id="1")


class HasManyNames(Village):
    def check(self) -> hub.Identity:
        return hub.Identity(remote_id=f"{super().check().remote_id}-{next(_numbers)}")


class TrustsTheAnswer(Village):
    def check(self) -> hub.Identity:
        return hub.Identity(remote_id=str(self.http.get("/me").json()["id"]))


class HasItsOwnDeadline(Village):
    def publish(self, post: hub.Post) -> hub.Receipt:
        self.http.deadline = 4.0
        return super().publish(post)


class WaitsInCheck(Village):
    def check(self) -> hub.Identity:
        try:
            return super().check()
        except hub.TransientError:
            time.sleep(2.5)
            raise


class ReadsAnotherId(Village):
    def remote_id_of(self, url: str) -> str | None:
        return url.rpartition("/")[2][:3] or None


class PromisesAKey(Village):
    settle = "key"


class MakesOneKeyOfAll(Village):
    settle = "natural"

    def find(self, post: hub.Post) -> hub.Receipt | None:
        newest = [item for batch in self.fetch_posts(None) for item in batch.items][-1:]
        return next((hub.Receipt(remote_id=item.remote_id) for item in newest), None)


class Misnamed(Village):
    platform = "My Village"


class SettlesSomehow(Village):
    settle = "somehow"


class WaitsForDays(Village):
    settle_after = timedelta(days=2)


class WritesAnotherVerb(Village):
    def edit(self, post: hub.Post) -> hub.Receipt:
        return super().edit("1", post)


class ForgetsARole(Village):
    def search(self, query: str, cursor: str | None) -> Any:
        return iter(())


class MindsWhatIsGone(Village):
    def edit(self, remote_id: str, post: hub.Post) -> hub.Receipt:
        self.http.request("PUT", f"/posts/{remote_id}", json={"text": post.text}, repeatable=True)
        return hub.Receipt(remote_id=remote_id)

    def delete(self, remote_id: str) -> None:
        self.http.request("DELETE", f"/posts/{remote_id}", repeatable=True)


class EditsOnce(Village):
    def edit(self, remote_id: str, post: hub.Post) -> hub.Receipt:
        try:
            self.http.request("PUT", f"/posts/{remote_id}", json={"text": post.text}, accept=(404,))
        except hub.UnknownOutcome as error:
            raise hub.RejectedError(str(error)) from None
        return hub.Receipt(remote_id=remote_id)


class EditsByPublishing(Village):
    def edit(self, remote_id: str, post: hub.Post) -> hub.Receipt:
        return self.publish(post)


class DeletesNothing(Village):
    def delete(self, remote_id: str) -> None:
        self.http.get("/me")


@dataclass(frozen=True)
class Mistake:
    """A plugin, the test that must fail for it, and words that its message must hold."""

    adapter: type[Any]
    test: str
    words: str

    @property
    def contract(self) -> str:
        return f"Test{self.adapter.__name__}"

    def __str__(self) -> str:
        return f"{self.adapter.__name__}-{self.test.partition('[')[0]}"


_LOST = "[answer lost after it was done]"
MISTAKES = [
    Mistake(SendsAgain, f"test_a_lost_answer_is_no_second_post{_LOST}", "the network holds 2"),
    Mistake(
        SendsAgain, "test_a_post_is_not_sent_twice_in_one_publish[HTTP 500]", "one publish() sent POST /posts 2"
    ),
    Mistake(TriesTwice, f"test_a_lost_answer_is_no_second_post{_LOST}", "never try again in publish()"),
    Mistake(TriesTwice, "test_a_lost_post_is_found[plain]", "it sent the post again"),
    Mistake(
        CallsDoubtARefusal, f"test_a_lost_answer_is_no_second_post{_LOST}", "is UnknownOutcome, not RejectedError"
    ),
    Mistake(
        BelievesAnyAnswer,
        "test_a_lost_answer_is_no_second_post[ids of another type, after it was done]",
        "the hub was told that the post is out as",
    ),
    Mistake(
        BlamesTheToken,
        "test_a_post_that_was_not_taken_is_sent_again[HTTP 502]",
        "raise AuthError only where the credentials are refused",
    ),
    Mistake(LooksNowhere, f"test_a_lost_answer_is_no_second_post{_LOST}", "let find() find the post"),
    Mistake(LooksNowhere, "test_a_lost_post_is_found[plain]", "find() does not find a post whose answer was lost"),
    Mistake(
        LooksAtWordsAlone, "test_another_deliverys_post_is_not_taken_for_the_lost_one", "stands in post.taken"
    ),
    Mistake(
        LooksAtWordsAlone, "test_an_older_post_with_the_same_words_is_not_the_lost_one", "older than post.since"
    ),
    Mistake(LooksForTheBeginning, "test_what_was_never_published_is_not_found", "was never published"),
    Mistake(Cuts, "test_the_longest_text_is_taken[ASCII]", "never cut in publish()"),
    Mistake(JoinsLines, "test_the_text_arrives_whole[lines]", "were lost"),
    Mistake(PromisesTooMuch, "test_the_longest_text_is_taken[emoji]", "limits() is not what the network takes"),
    Mistake(PromisesTooMuch, "test_the_most_images_are_taken", "5 images go into a post, and the network refused"),
    Mistake(PromisesTooLittle, "test_one_unit_more_is_refused[Cyrillic]", "either limits() is too strict"),
    Mistake(PromisesTooLittle, "test_one_image_more_is_refused", "limits() says 2 images, and 3 were taken"),
    Mistake(CountsAnotherUnit, "test_one_unit_more_is_refused[a family]", "a text of 501 codepoints is too long"),
    Mistake(ChangesItsLimits, "test_limits_are_always_the_same", "a thread would be cut in two ways"),
    Mistake(LosesTheLink, "test_a_link_travels_with_its_post", "the link is lost"),
    Mistake(
        LosesDescriptions, "test_images_arrive_in_order_with_their_descriptions", "arrived as ['image', 'image']"
    ),
    Mistake(ForgetsTheThread, "test_a_part_of_a_thread_answers_the_part_before", "send post.reply_to"),
    Mistake(TellsTheSecretInTheAddress, "test_no_secret_is_in_an_address", "send it in a header"),
    Mistake(
        TellsTheSecretInAnError,
        "test_no_secret_shows_in_an_error_that_repeats_the_request[400]",
        "pass what the network says through self.http.redact",
    ),
    Mistake(TellsTheSecretInAnError, "test_no_secret_is_logged_or_stored", "shows a secret"),
    Mistake(TakesAPlainSecret, "test_every_secret_is_typed_so", "token looks like a secret"),
    Mistake(TakesAnySetting, "test_an_unknown_setting_is_an_error", "a misspelt one says nothing"),
    Mistake(TakesAnySetting, "test_settings_cannot_be_changed", "keep frozen=True"),
    Mistake(CallsAtOnce, "test_opening_makes_no_call", "opening an account called GET /me"),
    Mistake(ChecksNothing, "test_a_wrong_secret_is_an_auth_error", "check() succeeds with a wrong secret"),
    Mistake(HasManyNames, "test_check_says_who_we_are_and_always_the_same", "the account's own id"),
    Mistake(TrustsTheAnswer, "test_check_reads_no_rubbish[null]", "decode answers into a shape"),
    Mistake(
        HasItsOwnDeadline, "test_a_slow_answer_to_a_post_ends_at_the_deadline[no answer]", "with a deadline of"
    ),
    Mistake(WaitsInCheck, "test_a_slow_answer_ends_at_the_deadline[no answer]", "speak through self.http"),
    Mistake(ReadsAnotherId, "test_a_permalink_leads_back_to_its_post", "would settle for another post"),
    Mistake(
        ReadsAnotherId, "test_a_foreign_address_is_no_post[https://elsewhere.invalid/1]", "is no post of village"
    ),
    Mistake(PromisesAKey, "test_the_same_key_makes_no_second_post", "made 2 posts: send the key"),
    Mistake(PromisesAKey, f"test_a_lost_answer_is_no_second_post{_LOST}", "publishes nothing twice: send it"),
    Mistake(MakesOneKeyOfAll, "test_what_was_never_published_is_not_found", "was never published"),
    Mistake(Misnamed, "test_the_platform_has_a_name_for_hub_toml", "small letters"),
    Mistake(SettlesSomehow, "test_it_says_how_a_lost_answer_is_settled", "say one of key, natural, lookup, none"),
    Mistake(WaitsForDays, "test_it_says_how_a_lost_answer_is_settled", "a lost post waits that long"),
    Mistake(WritesAnotherVerb, "test_every_verb_takes_what_the_hub_hands_it", "edit(self, post"),
    Mistake(ForgetsARole, "test_every_verb_of_every_role_is_written", "is no hub.Searcher"),
    Mistake(MindsWhatIsGone, "test_an_edit_of_a_post_that_is_gone_succeeds", "already gone is success"),
    Mistake(MindsWhatIsGone, "test_deleting_twice_succeeds", "already gone is success"),
    Mistake(EditsOnce, f"test_trouble_at_an_edit_ends_with_the_change{_LOST}", "an edit may be repeated"),
    Mistake(EditsByPublishing, "test_an_edit_changes_the_post", "an edit made another post"),
    Mistake(EditsByPublishing, "test_an_edit_of_a_post_that_is_gone_succeeds", "made a new one"),
    Mistake(DeletesNothing, "test_a_deletion_removes_the_post_and_no_other", "was to be deleted"),
    Mistake(DeletesNothing, "test_a_deleted_post_leaves_the_timeline", "still shows a deleted post"),
]

for _mistake in MISTAKES:
    globals()[_mistake.contract] = type(
        _mistake.contract,
        (AdapterContract,),
        {"adapter": _mistake.adapter, "double": VillageDouble, "__module__": __name__},
    )
