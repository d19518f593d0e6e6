"""All tables, for the migrations: importing a feature's tables registers them."""

from server import audit, mail
from server.booking import tables as booking
from server.consultation import tables as consultation
from server.db import metadata
from server.notes import tables as notes
from server.people import tables as people
from server.visit import tables as visit
from server.waitingroom import tables as waitingroom

__all__ = ["audit", "booking", "consultation", "mail", "metadata", "notes", "people", "visit", "waitingroom"]
