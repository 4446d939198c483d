"""Which refusals count the calls of all accounts of an app together, and so hold all of them back."""

from __future__ import annotations

import pytest

from hub import TransientError
from hub.testing import Reply, faults, open_adapter
from plugins.facebook import Facebook
from plugins.facebook.sandbox import FacebookDouble
from plugins.twitter import Twitter
from plugins.twitter.sandbox import TwitterDouble


@pytest.mark.parametrize(("code", "whole"), [(4, True), (341, True), (17, False), (32, False), (80001, False)])
def test_facebook_names_what_it_counts_for_the_app(code: int, whole: bool) -> None:
    body = {"error": {"message": "too many calls", "type": "OAuthException", "code": code}}
    with FacebookDouble() as double:
        page = open_adapter(Facebook, double.account())
        double.inject(faults.answered(Reply(body, status=400)))
        with pytest.raises(TransientError) as caught:
            page.check()
        page.http.close()
    assert caught.value.whole_app is whole


@pytest.mark.parametrize(("problem", "whole"), [("usage-capped", True), ("rate-limit-exceeded", False)])
def test_x_caps_the_usage_of_the_project_and_the_calls_of_the_user(problem: str, whole: bool) -> None:
    body = {"title": "Too much", "detail": "wait", "type": f"https://api.twitter.com/2/problems/{problem}"}
    with TwitterDouble() as double:
        bird = open_adapter(Twitter, double.account())
        double.inject(faults.answered(Reply(body, status=429)))
        with pytest.raises(TransientError) as caught:
            bird.check()
        bird.http.close()
    assert caught.value.whole_app is whole
