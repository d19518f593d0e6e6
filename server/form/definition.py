"""The note form: its sections in the order of the page.

Sections H, L, M and the rest come later as data; nothing but this list changes.
"""

from __future__ import annotations

from server.form.model import Form
from server.form.section_daily import ENVIRONMENT, HAND, THINKING
from server.form.section_function import KATZ, MOTOR
from server.form.section_identity import IDENTITY
from server.form.section_plan import NOT_COMPLETED, PLAN
from server.form.section_reason import GOALS, HISTORY, PAIN
from server.form.section_redflags import RED_FLAGS

#: Changes with the form; kept in every note, so that an old note is read by the form it was written on.
FORM_VERSION = "2026-11-1"

FORM = Form((IDENTITY, GOALS, PAIN, RED_FLAGS, HISTORY, MOTOR, KATZ, HAND, THINKING, ENVIRONMENT, PLAN, NOT_COMPLETED))
