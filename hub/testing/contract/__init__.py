"""The conformance kit: one line in a plugin's tests, and everything the hub relies on is tested."""

from hub.testing.contract.commenting import Commenting
from hub.testing.contract.contacts import Contacts
from hub.testing.contract.editing import Editing
from hub.testing.contract.exchanging import Exchange
from hub.testing.contract.faulty_reads import FaultyReads
from hub.testing.contract.fitting import Fitting
from hub.testing.contract.ground import needs
from hub.testing.contract.line import TheLine
from hub.testing.contract.listening import Listening
from hub.testing.contract.opening import Opening
from hub.testing.contract.paging import Paging
from hub.testing.contract.publishing import Publishing
from hub.testing.contract.refusals import Refusals
from hub.testing.contract.replying import Replying
from hub.testing.contract.resources import Resources
from hub.testing.contract.searching import Searching
from hub.testing.contract.secrecy import Secrecy
from hub.testing.contract.settling import Settling
from hub.testing.contract.threads import Threads
from hub.testing.contract.timeline import Timelines


class AdapterContract(
    Opening,
    Secrecy,
    TheLine,
    Publishing,
    Settling,
    Fitting,
    Editing,
    Timelines,
    Paging,
    Listening,
    Threads,
    Searching,
    Replying,
    Commenting,
    Contacts,
    Exchange,
    FaultyReads,
    Refusals,
    Resources,
):
    """All that the hub relies on: `class TestMyNet(AdapterContract)` with an `adapter` and its `double`.

    Tests of roles that the adapter has not, and of what the double cannot show, are skipped by name.
    """


__all__ = ["AdapterContract", "needs"]
