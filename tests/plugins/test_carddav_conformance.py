"""An address book keeps what the hub relies on: the conformance kit, with and without a report of changes."""

import pytest

from hub.testing import AdapterContract
from plugins.carddav import CardDav
from plugins.carddav.sandbox import CardDavDouble


class TestCardDav(AdapterContract):
    adapter = CardDav
    double = CardDavDouble


@pytest.mark.faults_long
class TestCardDavInParts(AdapterContract):
    """Changes come in parts of seven, and the server does not say the ETag of what it was given."""

    adapter = CardDav
    double = CardDavDouble

    def make_network(self) -> CardDavDouble:
        return CardDavDouble(most=7, tells_etag=False)


@pytest.mark.faults_long
class TestCardDavWithoutChanges(AdapterContract):
    """The server has no sync-collection: the ETags of all cards are compared."""

    adapter = CardDav
    double = CardDavDouble

    def make_network(self) -> CardDavDouble:
        return CardDavDouble(syncs=False)
