"""The named people and the store, for the tests of this folder."""

from tests.people import ana as ana
from tests.people import ben as ben
from tests.people import clinic as clinic
from tests.people import dr_li as dr_li
from tests.people import dr_okafor as dr_okafor
from tests.stores import db as db
from tests.stores import other_node as other_node
from tests.stores import settings as settings
