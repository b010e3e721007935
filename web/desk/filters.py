"""How templates write times, people, counts and strangers' text."""

import enum
from collections.abc import Sequence
from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.model import Location, Notice, PersonId, rfc3339
from web.desk import approval, words

register = template.Library()


@register.filter
def shown(text: object) -> str:
    """Text from outside, every character visible. Still escaped by the template."""
    return words.visible(str(text))


@register.filter
def shown_lines(text: object) -> str:
    """The same for text of several lines."""
    return words.visible(str(text).replace("\r\n", "\n"), keep="\n")


@register.filter
def person(person_id: PersonId) -> str:
    return words.person_words(person_id)


@register.filter
def short(text: object) -> str:
    """The beginning of an id."""
    return words.visible(str(text)[:6])


@register.filter
def number(count: int) -> str:
    return f"{count:,}"


@register.filter
def view_words(view: str) -> str:
    return words.visible(words.view_words(view))


@register.filter
def badge(status: enum.StrEnum) -> SafeString:
    look = words.badge(status)
    return format_html('<span class="badge {}">{}</span>', look.tone.value, look.words)


@register.filter
def badge_words(status: enum.StrEnum) -> str:
    return words.badge(status).words


@register.filter
def tally(parts: Sequence[Location | Notice], name: str) -> Sequence[tuple[str, int]]:
    """How many are in which state, in words, in the order met."""
    states = [words.badge(getattr(part, name)).words for part in parts]
    return [(state, states.count(state)) for state in dict.fromkeys(states)]


@register.filter
def gaps(notice: Notice) -> Sequence[str]:
    return approval.gaps(notice)


@register.filter
def person_supplies(notice: Notice) -> bool:
    return approval.person_supplies(notice)


@register.filter
def ago(at: datetime, now: datetime) -> str:
    return words.ago(at, now)


@register.filter
def iso(at: datetime) -> str:
    return rfc3339(at)


@register.filter
def clock(at: datetime) -> str:
    return words.utc(at)


@register.filter
def when(at: datetime, now: datetime) -> SafeString:
    """Relative first, for the glance; absolute beside it, for the record."""
    return format_html(
        '<time datetime="{}"><span class="ago">{}</span> <span class="utc">{}</span></time>',
        rfc3339(at),
        words.ago(at, now),
        words.utc(at),
    )
