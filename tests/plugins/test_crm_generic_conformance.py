"""A configured CRM keeps what the hub relies on: the conformance kit, signed and paged in two ways."""

import pytest

from hub.testing import AdapterContract
from plugins.crm_generic import Crm
from plugins.crm_generic.sandbox import CrmDouble


class TestCrmWithCursors(AdapterContract):
    adapter = Crm
    double = CrmDouble


@pytest.mark.faults_long
class TestCrmWithOffsets(AdapterContract):
    """The key stands in a header, and a list that moves is paged by place."""

    adapter = Crm
    double = CrmDouble

    def make_network(self) -> CrmDouble:
        return CrmDouble(auth="header", paging="offset", id_in="location")
