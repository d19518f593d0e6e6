"""What the tests of this folder share: see hub_fixtures.py."""

from tests.signaling.hub_fixtures import bus as bus
from tests.signaling.hub_fixtures import one as one
from tests.signaling.hub_fixtures import server as server
from tests.signaling.hub_fixtures import stack as stack
from tests.signaling.hub_fixtures import visits as visits
