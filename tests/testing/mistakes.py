"""Mistakes that plugin authors make, as changes to the worked example, and the test of the kit for each."""

from __future__ import annotations

from typing import NamedTuple


class Mistake(NamedTuple):
    """`old` stands in `file` of the example once, and `new` in its place is the mistake that `name` says.

    `caught_by` is the test of the kit that must fail; `says` must be in what it prints.
    """

    name: str
    old: str
    new: str
    caught_by: str
    says: str
    file: str = "village.py"


MISTAKES = (
    Mistake(
        "publish tries again by itself when no answer came",
        '        made = self.http.post("/posts", json=body).decode(Made)\n',
        "        try:\n"
        '            made = self.http.post("/posts", json=body).decode(Made)\n'
        "        except hub.UnknownOutcome:\n"
        '            made = self.http.post("/posts", json=body).decode(Made)\n',
        "test_a_lost_answer_is_no_second_post",
        "the network holds 2",
    ),
    Mistake(
        "the call that makes the post is declared repeatable",
        'self.http.post("/posts", json=body)',
        'self.http.post("/posts", json=body, repeatable=True)',
        "test_a_post_is_not_sent_twice_in_one_publish",
        "repeatable",
    ),
    Mistake(
        "an id of any type is accepted",
        '        made = self.http.post("/posts", json=body).decode(Made)\n'
        "        return hub.Receipt(remote_id=str(made.id), url=made.url)\n\n    def _upload",
        '        made = self.http.post("/posts", json=body).json()\n'
        '        return hub.Receipt(remote_id=str(made["id"]), url=str(made.get("url", "")))\n\n    def _upload',
        "test_a_lost_answer_is_no_second_post",
        "published",
    ),
    Mistake(
        "an answer without an id counts as a success",
        "class Made(msgspec.Struct):  # an answer of another shape leaves the outcome unknown\n    id: int\n",
        "class Made(msgspec.Struct):  # an answer of another shape leaves the outcome unknown\n    id: int = 0\n",
        "test_a_lost_answer_is_no_second_post",
        "published",
    ),
    Mistake(
        "a lost answer is taken for a refusal",
        '        made = self.http.post("/posts", json=body).decode(Made)\n',
        "        try:\n"
        '            made = self.http.post("/posts", json=body).decode(Made)\n'
        "        except hub.UnknownOutcome as error:\n"
        '            raise hub.RejectedError("it did not work") from error\n',
        "test_a_lost_answer_is_no_second_post",
        "failed",
    ),
    Mistake(
        "a lost answer is taken for a failure that did nothing",
        '        made = self.http.post("/posts", json=body).decode(Made)\n',
        "        try:\n"
        '            made = self.http.post("/posts", json=body).decode(Made)\n'
        "        except hub.UnknownOutcome as error:\n"
        '            raise hub.TransientError("try again") from error\n',
        "test_a_lost_answer_is_no_second_post",
        "the network holds 2",
    ),
    Mistake(
        "find takes the newest post for the lost one",
        "        return hub.find_in_timeline(self, post)",
        "        newest = [item for batch in self.fetch_posts(None) for item in batch.items][-1:]\n"
        "        return hub.Receipt(remote_id=newest[0].remote_id) if newest else None",
        "test_what_was_never_published_is_not_found",
        "find",
    ),
    Mistake(
        "find does not look at what belongs to other deliveries",
        "        return hub.find_in_timeline(self, post)",
        "        import msgspec.structs\n\n"
        "        return hub.find_in_timeline(self, msgspec.structs.replace(post, taken=frozenset()))",
        "test_another_deliverys_post_is_not_taken_for_the_lost_one",
        "taken",
    ),
    Mistake(
        "find does not look at how old a post can be",
        "        return hub.find_in_timeline(self, post)",
        "        import msgspec.structs\n\n"
        "        return hub.find_in_timeline(self, msgspec.structs.replace(post, since=None))",
        "test_an_older_post_with_the_same_words_is_not_the_lost_one",
        "since",
    ),
    Mistake(
        "a key is declared that the network knows nothing of",
        '    settle = "lookup"',
        '    settle = "key"',
        "test_the_same_key_makes_no_second_post",
        "key",
    ),
    Mistake(
        "a natural key is declared and none is sent",
        '    settle = "lookup"',
        '    settle = "natural"',
        "test_a_post_is_found_by_its_key_alone",
        "key",
    ),
    Mistake(
        "find finds nothing",
        "        return hub.find_in_timeline(self, post)",
        "        return None",
        "test_a_lost_post_is_found",
        "find",
    ),
    Mistake(
        "the limit is higher than the network's",
        "maximum=500",
        "maximum=600",
        "test_the_longest_text_is_taken",
        "limits()",
    ),
    Mistake(
        "the limit is lower than the network's",
        "maximum=500",
        "maximum=400",
        "test_one_unit_more_is_refused",
        "limits()",
    ),
    Mistake(
        "the text is counted in another unit than the network's",
        'unit="grapheme"',
        'unit="codepoint"',
        "test_one_unit_more_is_refused",
        "limits()",
    ),
    Mistake(
        "more images are promised than the network takes",
        "media_count=4",
        "media_count=5",
        "test_the_most_images_are_taken",
        "image",
    ),
    Mistake(
        "the secret travels in the address",
        'self.http.post("/posts", json=body)',
        'self.http.post("/posts", json=body, params={"access": self.settings.token.get_secret_value()})',
        "test_no_secret_is_in_an_address",
        "secret",
    ),
    Mistake(
        "the secret is typed as plain text",
        "        token: SecretStr\n",
        "        token: str\n",
        "test_every_secret_is_typed_so",
        "SecretStr",
    ),
    Mistake(
        "the secret shows when the account is printed",
        "    def limits(self)",
        "    def __repr__(self) -> str:\n"
        '        return f"Village({self.settings.token.get_secret_value()})"\n\n'
        "    def limits(self)",
        "test_no_secret_shows_when_an_account_is_printed",
        "secret",
    ),
    Mistake(
        "opening an account makes a call",
        "    def sign(self",
        "    def __init__(self, *everything: object) -> None:\n"
        "        super().__init__(*everything)  # type: ignore[arg-type]\n"
        '        self.http.get("/me")\n\n'
        "    def sign(self",
        "test_opening_makes_no_call",
        "open",
    ),
    Mistake(
        "importing the module writes a file",
        "class Person(msgspec.Struct):",
        'open("/dev/null", "w").close()\n\n\nclass Person(msgspec.Struct):',
        "test_registering_writes_no_file",
        "writ",
    ),
    Mistake(
        "check changes something on the network",
        '        me = self.http.get("/me").decode(Person)\n',
        '        me = self.http.get("/me").decode(Person)\n'
        '        self.http.post("/posts", json={"text": "Hello", "images": [], "answers": None})\n',
        "test_check_makes_a_few_calls_and_changes_nothing",
        "check",
    ),
    Mistake(
        "editing a post that is gone fails",
        'json={"text": post.text}, repeatable=True, accept=(404,)',
        'json={"text": post.text}, repeatable=True',
        "test_an_edit_of_a_post_that_is_gone_succeeds",
        "gone",
    ),
    Mistake(
        "deleting twice fails",
        'self.http.request("DELETE", f"/posts/{remote_id}", repeatable=True, accept=(404,))',
        'self.http.request("DELETE", f"/posts/{remote_id}", repeatable=True)',
        "test_deleting_twice_succeeds",
        "gone",
    ),
    Mistake(
        "a first read that finds nothing leaves no cursor",
        "            yield page, newest\n",
        "            if page:\n                yield page, newest\n",
        "test_the_first_read_of_an_empty_network_leaves_a_cursor",
        "cursor",
    ),
    Mistake(
        "the pages are counted by an offset",
        'params={"from": cursor, "limit": 100}',
        'params={"from": cursor and str(int(cursor) + 100), "limit": 100}',
        "test_what_comes_after_a_cursor_comes_with_the_next_read",
        "skip",
    ),
    Mistake(
        "times have no zone",
        "sent_at=datetime.fromtimestamp(item.at, UTC),",
        "sent_at=datetime.fromtimestamp(item.at),",
        "test_a_mention_is_whole",
        "time zone",
    ),
    Mistake(
        "ids change from read to read",
        "        remote_id=str(item.id),\n        thread_id=item.post,",
        '        remote_id=f"{item.id}-{datetime.now(UTC).timestamp()}",\n        thread_id=item.post,',
        "test_ids_are_unique_and_stay",
        "id",
    ),
    Mistake(
        "a mention is its own thread",
        "        thread_id=item.post,",
        "        thread_id=str(item.id),",
        "test_every_answer_belongs_to_the_thread_and_to_its_parent",
        "thread",
    ),
    Mistake(
        "the parent of an answer is left out",
        "        parent_id=item.parent,",
        "        parent_id=None,",
        "test_every_answer_belongs_to_the_thread_and_to_its_parent",
        "parent",
    ),
    Mistake(
        "the first page is called the whole thread",
        "        yield hub.Batch([to_mention(item) for item in page], None, complete=True)",
        "        yield hub.Batch([to_mention(item) for item in page[:100]], None, complete=True)",
        "test_a_large_and_deep_thread_is_read_as_a_whole",
        "complete",
    ),
    Mistake(
        "a post that is gone looks like a thread without answers",
        '        page = self.http.get(f"/posts/{thread.remote_id}/remarks").decode(list[Said])\n',
        '        answer = self.http.get(f"/posts/{thread.remote_id}/remarks", accept=(404,))\n'
        "        page = answer.decode(list[Said]) if answer.ok else []\n",
        "test_the_answers_under_a_post_that_is_gone_are_gone",
        "GoneError",
    ),
    Mistake(
        "too many calls are called a refusal",
        "    def check(self)",
        "    def explain(self, answer: hub.Answer) -> hub.HubError | None:\n"
        '        return hub.RejectedError("no") if answer.status == 429 else None\n\n'
        "    def check(self)",
        "test_too_many_calls_wait_as_long_as_the_network_says",
        "TransientError",
    ),
    Mistake(
        "the wait that the network asks for is dropped",
        "    def check(self)",
        "    def explain(self, answer: hub.Answer) -> hub.HubError | None:\n"
        '        return hub.TransientError("wait") if answer.status == 429 else None\n\n'
        "    def check(self)",
        "test_too_many_calls_wait_as_long_as_the_network_says",
        "retry_after",
    ),
    Mistake(
        "refused credentials are called a refusal of the post",
        "    def check(self)",
        "    def explain(self, answer: hub.Answer) -> hub.HubError | None:\n"
        '        return hub.RejectedError("no") if answer.status == 401 else None\n\n'
        "    def check(self)",
        "test_refused_credentials_are_an_auth_error",
        "AuthError",
    ),
    Mistake(
        "a wrong shape ends in a bare exception",
        '        page = self.http.get(f"/posts/{thread.remote_id}/remarks").decode(list[Said])\n'
        "        yield hub.Batch([to_mention(item) for item in page], None, complete=True)",
        '        page = self.http.get(f"/posts/{thread.remote_id}/remarks").json()\n'
        "        items = [to_mention(msgspec.convert(item, Said)) for item in page]\n"
        "        yield hub.Batch(items, None, complete=True)",
        "test_a_wrong_answer_that_stays_is_an_error",
        "misread",
    ),
    Mistake(
        "trouble with a read is taken for nothing new",
        '            page = self.http.get(path, params={"from": cursor, "limit": 100}).decode(shape)\n',
        "            try:\n"
        '                page = self.http.get(path, params={"from": cursor, "limit": 100}).decode(shape)\n'
        "            except hub.HubError:\n"
        "                return\n",
        "test_a_fault_that_stays_is_a_transient_error",
        "TransientError",
    ),
    Mistake(
        "the text is changed on its way",
        'body = {"text": post.text, "images"',
        'body = {"text": post.text.encode("latin-1", "replace").decode("latin-1"), "images"',
        "test_the_text_arrives_whole",
        "text",
    ),
    Mistake(
        "the images arrive in another order",
        "for image in post.media]",
        "for image in reversed(post.media)]",
        "test_images_arrive_in_order_with_their_descriptions",
        "order",
    ),
    Mistake(
        "a part of a thread does not answer the part before",
        '"answers": post.reply_to and post.reply_to.remote_id}',
        '"answers": None}',
        "test_a_part_of_a_thread_answers_the_part_before",
        "reply_to",
    ),
    Mistake(
        "the receipt of an answer names what it answers",
        '        made = self.http.post("/remarks", json=body).decode(Made)\n'
        "        return hub.Receipt(remote_id=str(made.id), url=made.url)",
        '        made = self.http.post("/remarks", json=body).decode(Made)\n'
        "        return hub.Receipt(remote_id=mention.remote_id, url=made.url)",
        "test_the_answer_stands_under_what_it_answers",
        "the receipt says",
    ),
    Mistake(
        "an account's state is kept on the class",
        '        return {"Authorization": f"Bearer {self.settings.token.get_secret_value()}"}',
        '        kept = type(self).__dict__.get("_kept") or self.settings.token.get_secret_value()\n'
        "        type(self)._kept = kept  # type: ignore[attr-defined]\n"
        '        return {"Authorization": f"Bearer {kept}"}',
        "test_two_accounts_share_no_secret",
        "class",
    ),
    Mistake(
        "every call leaves a file open",
        '        me = self.http.get("/me").decode(Person)\n',
        '        self.__dict__.setdefault("_left", []).append(open("/dev/null"))\n'
        '        me = self.http.get("/me").decode(Person)\n',
        "test_a_thousand_calls_leave_nothing_behind",
        "file",
    ),
    Mistake(
        "the network is called past the hub's line",
        '        made = self.http.post("/posts", json=body).decode(Made)\n',
        "        import http.client\n"
        "        import json\n"
        "        from urllib.parse import urlsplit\n\n"
        "        line = http.client.HTTPConnection(urlsplit(self.settings.api_url).netloc)\n"
        '        line.request("POST", "/posts", json.dumps(body), dict(self.sign("", "")))\n'
        "        made = msgspec.json.decode(line.getresponse().read(), type=Made)\n"
        "        line.close()\n",
        "test_a_slow_answer_to_a_post_ends_at_the_deadline",
        "deadline",
    ),
    Mistake(
        "a foreign text is stored as it came, a NUL and all",
        "text=hub.clean_text(item.text),",
        "text=item.text,",
        "test_odd_characters_in_foreign_text_are_survived",
        "clean_text",
    ),
)
