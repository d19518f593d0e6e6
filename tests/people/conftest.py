"""The store, for the tests of this folder."""

from tests.stores import db as db
from tests.stores import other_node as other_node
