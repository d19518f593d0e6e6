"""What an operator can mend about the database, as a sentence instead of a traceback."""

from __future__ import annotations

import re
import socket

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

_NO_TABLES = re.compile(r"(?:relation|column) .* does not exist|no such (?:table|column)")


def database_problem(error: Exception) -> str | None:
    """What to tell the operator; None when the error is not of the database's place, right or revision."""
    if isinstance(error, ConnectionError | socket.gaierror | TimeoutError):
        return f"The database of TM_DATABASE_URL does not answer ({error}): is it running, and is the address right?"
    if not isinstance(error, DBAPIError) or isinstance(error, IntegrityError | DataError):
        return None
    said = str(error.orig).splitlines()[0].rpartition(">: ")[2]
    if _NO_TABLES.search(said):
        return "The database has no tables yet, or older ones: run `python -m server migrate` first"
    return f"The database of TM_DATABASE_URL says no: {said}"
