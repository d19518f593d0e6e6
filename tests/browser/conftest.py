"""What the call's tests share with those of signaling."""

from tests.signaling.hub_fixtures import server as server
from tests.signaling.hub_fixtures import stack as stack
