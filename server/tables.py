"""All tables, for the migrations: importing a feature's tables registers them."""

from server import audit
from server.consultation import tables as consultation
from server.db import metadata
from server.notes import tables as notes
from server.people import tables as people
from server.visit import tables as visit

__all__ = ["audit", "consultation", "metadata", "notes", "people", "visit"]
