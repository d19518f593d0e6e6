"""The appointment as a calendar file (RFC 5545), in UTC: right in every zone and on every day. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from icalendar import Alarm, Calendar, Event


def calendar_file(
    *, uid: str, host: str, starts_at: datetime, ends_at: datetime, made_at: datetime, sequence: int, title: str,
    text: str, link: str,
) -> bytes:  # fmt: skip
    """One event. ``sequence``: higher after each change, so that a second import replaces the first."""
    calendar, event, alarm = Calendar(), Event(), Alarm()
    calendar.add("prodid", "-//Twenty Minutes//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    event.add("uid", f"{uid}@{host}")
    event.add("dtstamp", made_at.astimezone(UTC))
    event.add("dtstart", starts_at.astimezone(UTC))
    event.add("dtend", ends_at.astimezone(UTC))
    event.add("sequence", sequence)
    event.add("summary", title)
    event.add("description", text)
    event.add("url", link)
    alarm.add("action", "DISPLAY")
    alarm.add("description", title)
    alarm.add("trigger", timedelta(minutes=-15))
    event.add_component(alarm)
    calendar.add_component(event)
    return bytes(calendar.to_ical())
