"""CRMs that the plugin was not made for, connected by a TOML file alone: the kit, over each."""

from crm_odoo import OdooDouble
from crm_suite import SuiteDouble

from hub.testing import AdapterContract
from plugins.crm_generic import Crm


class TestOdoo(AdapterContract):
    """JSON-RPC with one address, errors in a 200, false for nothing, an id of the user from a login."""

    adapter = Crm
    double = OdooDouble


class TestSuite(AdapterContract):
    """JSON:API: nested attributes, tokens that end, pages by number, days as 31/12/1980, cents, 400 for gone."""

    adapter = Crm
    double = SuiteDouble
