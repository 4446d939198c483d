"""Facebook keeps what the hub relies on: the conformance kit, on its double."""

from hub.testing import AdapterContract
from plugins.facebook import Facebook
from plugins.facebook.sandbox import FacebookDouble


class TestFacebook(AdapterContract):
    adapter = Facebook
    double = FacebookDouble
