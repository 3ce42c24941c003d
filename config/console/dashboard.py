"""The first page: what exists, what ran, what is running, and what to do next.

Everything is restricted to what the user may see. The number of queries does not depend on the
number of rows.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import (
    Aggregate,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    Subquery,
)
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from agents_app.models import Agent, AgentVersion, Run
from agents_app.templatetags.runs import readable_duration
from config.common.admin import actor_of
from config.console.navigation import list_url, may_view
from knowledge_app.models import Document
from templates_app.models import PromptTemplate, TemplateVersion
from tools_app.models import Tool
from workspaces_app.models import ModelProvider, Workspace

CHART_DAYS = 14
RECENT_RUNS = 8
SHOWN_MODELS = 4
SHOWN_AGENTS = 5
UNFINISHED = Q(status__in=["queued", "running", "waiting"])
SERIES = (
    ("Completed", "completed", "#1fa08f"),
    ("Failed", "failed", "#d9534f"),
    ("Cancelled", "cancelled", "#9aa5ab"),
    ("Unfinished", "unfinished", "#5b8def"),
)


class MedianDuration(Aggregate):
    """The middle of a set of durations; None for an empty set."""

    function = "PERCENTILE_CONT"
    name = "median"
    output_field = DurationField()
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    allow_distinct = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """One number with its name, a line below it and the page behind it."""

    label: str
    icon: str
    value: str
    note: str = ""
    tone: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do on the way to a first answer."""

    title: str
    hint: str
    url: str
    action: str
    is_done: bool


def add_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the content of the first page to the theme's context."""
    actor = actor_of(request)
    now = timezone.now()
    counts = _counts(actor)
    recent = _recent_numbers(actor, now)
    models = list(
        ModelProvider.objects.visible_to(actor)
        .filter(is_enabled=True)
        .select_related("workspace")
        .order_by("is_demo", "name")[: SHOWN_MODELS + 1]
    )
    runs = list(
        Run.objects.visible_to(actor)
        .select_related("agent_version__agent", "user")
        .only(
            "id", "status", "input", "created_at", "started_at", "finished_at",
            "cancel_requested_at", "user__username", "agent_version__number",
            "agent_version__agent__name", "agent_version__agent__title",
        )[:RECENT_RUNS]
    )  # fmt: skip
    mine = Run.objects.visible_to(actor)
    last_run = mine.filter(agent_version__agent=OuterRef("pk")).order_by("-id")
    agents = list(
        Agent.objects.visible_to(actor)
        .active()
        .select_related("workspace")
        .annotate(last_run_at=Subquery(last_run.values("created_at")[:1]))
        .order_by(F("last_run_at").desc(nulls_last=True), "-updated_at")[:SHOWN_AGENTS]
    )
    steps = _steps(request, counts, models, has_runs=bool(runs))
    chart = _chart(actor, now)
    return {
        **context,
        "stats": _stats(request, counts, recent),
        "runs": runs,
        "runs_url": list_url("agents_app.Run") if may_view(request, "agents_app.Run") else "",
        "chart": json.dumps(chart),
        "chart_options": json.dumps(CHART_OPTIONS),
        "chart_total": sum(sum(series["data"]) for series in chart["datasets"]),
        "agents": agents,
        "agents_url": _if_viewable(request, "agents_app.Agent"),
        "models": models[:SHOWN_MODELS],
        "is_demo_only": bool(models) and all(model.is_demo for model in models),
        "providers_url": _if_viewable(request, "workspaces_app.ModelProvider"),
        "steps": steps,
        "is_set_up": all(step.is_done for step in steps),
        "has_workspace": Workspace.objects.visible_to(actor).exists(),
    }


def _counts(actor: Any) -> dict[str, int]:
    agents = Agent.objects.visible_to(actor).active()
    templates = PromptTemplate.objects.visible_to(actor).active()
    return {
        **agents.aggregate(agents=Count("pk"), live=Count("pk", filter=Q(last_number__gt=0))),
        "agent_versions": AgentVersion.objects.visible_to(actor).count(),
        "templates": templates.count(),
        "template_versions": TemplateVersion.objects.visible_to(actor).count(),
        "tools": Tool.objects.visible_to(actor).active().count(),
        **Document.objects.visible_to(actor).aggregate(
            documents=Count("pk"), unread=Count("pk", filter=~Q(state="ready"))
        ),
    }


def _recent_numbers(actor: Any, now: datetime) -> dict[str, Any]:
    taken = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    day = Run.objects.visible_to(actor).filter(pk__gte=first_id_at(now - timedelta(days=1)))
    return {
        **day.order_by().aggregate(
            total=Count("pk"),
            failed=Count("pk", filter=Q(status="failed")),
            median=MedianDuration(taken, filter=Q(status="completed")),
        ),
        "running": Run.objects.visible_to(actor).filter(status="running").count(),
    }


def first_id_at(moment: datetime) -> UUID:
    """Return the smallest version 7 identifier of a moment: ranges of ids are ranges of time."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _stats(request: HttpRequest, counts: dict[str, int], recent: dict[str, Any]) -> list[Stat]:
    runs_url = _if_viewable(request, "agents_app.Run")
    failed, running = recent["failed"], recent["running"]
    return [
        Stat(
            label="Runs in 24 hours", icon="play_circle", value=f"{recent['total']:,}",
            note=f"{failed:,} failed" if failed else "none failed",
            tone="bad" if failed else "", url=runs_url,
        ),
        Stat(
            label="Running now", icon="progress_activity", value=f"{running:,}",
            note="being answered" if running else "all quiet", tone="live" if running else "",
            url=f"{runs_url}?status__exact=running" if runs_url and running else runs_url,
        ),
        Stat(
            label="Median answer", icon="timer", value=readable_duration(recent["median"]),
            note="completed, 24 hours", url=runs_url,
        ),
        Stat(
            label="Agents", icon="smart_toy", value=f"{counts['agents']:,}",
            note=f"{counts['live']:,} published, {_of(counts['agent_versions'], 'version')}",
            url=_if_viewable(request, "agents_app.Agent"),
        ),
        Stat(
            label="Prompt templates", icon="article", value=f"{counts['templates']:,}",
            note=_of(counts["template_versions"], "published version"),
            url=_if_viewable(request, "templates_app.PromptTemplate"),
        ),
        Stat(
            label="Tools", icon="build", value=f"{counts['tools']:,}",
            note="agents can call", url=_if_viewable(request, "tools_app.Tool"),
        ),
        Stat(
            label="Documents", icon="menu_book", value=f"{counts['documents']:,}",
            note=f"{counts['unread']:,} not ready" if counts["unread"] else "all searchable"
            if counts["documents"] else "none yet",
            url=_if_viewable(request, "knowledge_app.KnowledgeBase"),
        ),
        Stat(
            label="Failure rate", icon="monitor_heart",
            value=f"{failed / recent['total']:.0%}" if recent["total"] else "–",
            note="of runs, 24 hours", tone="bad" if failed else "",
            url=f"{runs_url}?status__exact=failed" if runs_url and failed else runs_url,
        ),
    ]  # fmt: skip


def _of(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _if_viewable(request: HttpRequest, label: str) -> str:
    return list_url(label) if may_view(request, label) else ""


def _steps(
    request: HttpRequest, counts: dict[str, int], models: list[ModelProvider], *, has_runs: bool
) -> list[Step]:
    def step(title: str, hint: str, label: str, action: str, is_done: bool) -> Step:
        is_open = may_view(request, label)
        url = reverse(f"admin:{label.replace('.', '_').lower()}_add") if is_open else ""
        return Step(title=title, hint=hint, url=url, action=action, is_done=is_done)

    agents_url = _if_viewable(request, "agents_app.Agent")
    return [
        step(
            "Connect a model", "A key in the environment, or a provider of your own.",
            "workspaces_app.ModelProvider", "Add a provider",
            any(not model.is_demo for model in models),
        ),
        step(
            "Write a prompt template", "Typed variables, a live preview, kept versions.",
            "templates_app.PromptTemplate", "Create a template", counts["template_versions"] > 0,
        ),
        step(
            "Add knowledge", "Documents that the agent searches and cites.",
            "knowledge_app.KnowledgeBase", "Create a knowledge base", counts["documents"] > 0,
        ),
        step(
            "Create your first agent", "Instructions, model, tools and knowledge on one page.",
            "agents_app.Agent", "Create an agent", counts["live"] > 0,
        ),
        Step(
            title="Talk to it", hint="See steps, tool calls and sources while it answers.",
            url=agents_url if counts["live"] else "", action="Choose an agent", is_done=has_runs,
        ),
    ]  # fmt: skip


CHART_OPTIONS: dict[str, Any] = {
    "animation": False,
    "responsive": True,
    "maintainAspectRatio": False,
    "interaction": {"mode": "index", "intersect": False},
    "plugins": {
        "legend": {
            "align": "end",
            "labels": {"boxWidth": 6, "boxHeight": 6, "usePointStyle": True, "color": "#8a959b"},
        },
    },
    "scales": {
        "x": {
            "stacked": True,
            "grid": {"display": False},
            "border": {"display": False},
            "ticks": {"color": "#8a959b", "maxRotation": 0, "autoSkipPadding": 12},
        },
        "y": {
            "stacked": True,
            "beginAtZero": True,
            "border": {"display": False},
            "grid": {"lineWidth": 0.5},
            "ticks": {"color": "#8a959b", "precision": 0, "maxTicksLimit": 5},
        },
    },
}


def _chart(actor: Any, now: datetime) -> dict[str, Any]:
    """Return the runs of each day and status, oldest day first, days without runs included."""
    today = timezone.localdate(now)
    days = [today - timedelta(days=back) for back in reversed(range(CHART_DAYS))]
    start = timezone.make_aware(datetime.combine(days[0], datetime.min.time()))
    rows = (
        Run.objects.visible_to(actor)
        .filter(pk__gte=first_id_at(start))
        .order_by()
        .annotate(day=TruncDate("created_at"))
        .values_list("day", "status")
        .annotate(number=Count("pk"))
    )
    numbers: dict[tuple[date, str], int] = {}
    for day, status, number in rows:
        series = status if status in {"completed", "failed", "cancelled"} else "unfinished"
        numbers[day, series] = numbers.get((day, series), 0) + number
    return {
        "labels": [f"{day.day} {day:%b}" for day in days],
        "datasets": [
            {
                "label": label,
                "data": [numbers.get((day, series), 0) for day in days],
                "backgroundColor": color,
                "borderRadius": 3,
                "maxBarThickness": 28,
            }
            for label, series, color in SERIES
        ],
    }
