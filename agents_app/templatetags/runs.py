"""How runs look in lists and templates: status badges and durations."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from agents_app.models import Run

register = template.Library()

BADGES = {
    Run.Status.QUEUED: ("neutral", "schedule", "Queued"),
    Run.Status.RUNNING: ("live", "progress_activity", "Running"),
    Run.Status.WAITING: ("warn", "front_hand", "Waiting"),
    Run.Status.COMPLETED: ("good", "check_circle", "Completed"),
    Run.Status.FAILED: ("bad", "error", "Failed"),
    Run.Status.CANCELLED: ("neutral", "block", "Cancelled"),
}


def badge(text: str, tone: str = "neutral", icon: str = "") -> SafeString:
    """Return a coloured label; `tone` is neutral, accent, good, warn, bad or live."""
    symbol = (
        format_html(
            '<span class="material-symbols-outlined ab-icon" aria-hidden="true">{}</span>', icon
        )
        if icon
        else ""
    )
    return format_html('<span class="ab-badge ab-{}">{}{}</span>', tone, symbol, text)


def status_badge(run: Run) -> SafeString:
    """Return the badge of a run's state; a run that is being cancelled says so."""
    if run.cancel_requested_at is not None and not run.is_over:
        return badge("Stopping", "warn", "progress_activity")
    tone, icon, text = BADGES[Run.Status(run.status)]
    return badge(text, tone, icon)


def nowrap(text: str) -> SafeString:
    """Keep a short cell on one line."""
    return format_html('<span class="ab-nowrap">{}</span>', text)


def time_ago(moment: datetime | None) -> SafeString:
    """Return how long ago something was, with the exact time on hover; a dash for None."""
    if moment is None:
        return nowrap("–")
    local = timezone.localtime(moment)
    age = timesince(moment, depth=1).replace("\xa0", " ")
    words = "just now" if age.startswith("0") else f"{age} ago"
    return format_html(
        '<time class="ab-nowrap" datetime="{}" title="{}">{}</time>',
        local.isoformat(),
        local.strftime("%d %b %Y, %H:%M:%S"),
        words,
    )


def readable_duration(duration: timedelta | None) -> str:
    """Return a duration in the unit that people would say; a dash for None."""
    if duration is None:
        return "–"
    seconds = duration.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def run_duration(run: Run) -> timedelta | None:
    """Return the time from the first claim to the end; None while it is not over."""
    if run.started_at is None or run.finished_at is None:
        return None
    return run.finished_at - run.started_at


@register.simple_tag
def run_badge(run: Run) -> SafeString:
    """Show the state of a run in a template."""
    return status_badge(run)


@register.simple_tag(name="run_duration")
def run_duration_text(run: Run) -> str:
    """Show how long a run took in a template."""
    return readable_duration(run_duration(run))


@register.simple_tag
def time_since(moment: datetime) -> SafeString:
    """Show how long ago something was, in a template."""
    return time_ago(moment)
