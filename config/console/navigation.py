"""The sidebar, grouped by task, and what the command palette finds."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

FOUND_PER_MODEL = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the sidebar: the list of one model."""

    title: str
    icon: str
    model: str


GROUPS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Build",
        (
            Entry("Agents", "smart_toy", "agents_app.Agent"),
            Entry("Prompt templates", "article", "templates_app.PromptTemplate"),
            Entry("Tools", "build", "tools_app.Tool"),
            Entry("Knowledge", "menu_book", "knowledge_app.KnowledgeBase"),
        ),
    ),
    (
        "Run",
        (
            Entry("Runs", "play_circle", "agents_app.Run"),
            Entry("Sessions", "forum", "sessions_app.Session"),
        ),
    ),
    (
        "Operate",
        (
            Entry("Model providers", "memory", "workspaces_app.ModelProvider"),
            Entry("Secrets", "lock", "workspaces_app.Secret"),
            Entry("API tokens", "key", "workspaces_app.ApiToken"),
            Entry("Workspaces", "workspaces", "workspaces_app.Workspace"),
            Entry("Members", "group", "workspaces_app.Membership"),
            Entry("Users", "person", "auth.User"),
            Entry("Files", "attach_file", "workspaces_app.Blob"),
            Entry("Audit", "history", "workspaces_app.AuditEvent"),
        ),
    ),
)
SEARCHED = (
    "agents_app.Agent",
    "templates_app.PromptTemplate",
    "tools_app.Tool",
    "knowledge_app.KnowledgeBase",
    "knowledge_app.Document",
    "sessions_app.Session",
)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups with the pages that the user may open; empty groups are left out."""
    home = {
        "items": [
            {
                "title": "Dashboard",
                "icon": "space_dashboard",
                "link": reverse("admin:index"),
            }
        ]
    }
    groups = [
        {
            "title": title,
            "separator": True,
            "items": [
                {"title": entry.title, "icon": entry.icon, "link": list_url(entry.model)}
                for entry in entries
                if may_view(request, entry.model)
            ],
        }
        for title, entries in GROUPS
    ]
    return [home, *(group for group in groups if group["items"])]


def may_view(request: HttpRequest, label: str) -> bool:
    """Tell whether the model has a page in the console that this user may open."""
    model = apps.get_model(label)
    if not admin.site.is_registered(model):
        return False
    return bool(admin.site.get_model_admin(model).has_view_permission(request))


def list_url(label: str) -> str:
    """Return the address of the list of a model."""
    return reverse(f"admin:{label.replace('.', '_').lower()}_changelist")


def found_objects(request: HttpRequest, term: str) -> list[SearchResult]:
    """Return objects whose name, title or description holds `term`, a few of each kind."""
    icons = {entry.model: entry.icon for _, entries in GROUPS for entry in entries}
    results: list[SearchResult] = []
    for label in SEARCHED:
        if not may_view(request, label):
            continue
        model: type[Model] = apps.get_model(label)
        page = admin.site.get_model_admin(model)
        if not page.get_search_fields(request):
            continue
        found, _ = page.get_search_results(request, page.get_queryset(request), term)
        results.extend(
            SearchResult(
                title=str(row),
                description=str(model._meta.verbose_name),
                link=reverse(
                    f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk]
                ),
                icon=icons.get(label, "description"),
            )
            for row in found[:FOUND_PER_MODEL]
        )
    return results
