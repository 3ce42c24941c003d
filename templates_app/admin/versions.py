"""The page that compares two versions, and the read-only pages of versions."""

import difflib
import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from config.common.admin import ReadOnlyModelAdmin
from templates_app.admin.filters import WorkspaceFilter
from templates_app.models import TemplateVersion


@admin.register(TemplateVersion)
class TemplateVersionAdmin(ReadOnlyModelAdmin):
    """Published versions, to look at."""

    list_display = ("__str__", "change_note", "created_by", "created_at")
    list_filter = (("template__workspace", WorkspaceFilter),)
    list_select_related = ("template__workspace", "created_by")
    search_fields = ("template__name", "template__title", "change_note")
    fields = ("template", "number", "change_note", "created_by", "created_at", "body")
    ordering = ("-id",)


def chosen_versions(
    request: HttpRequest, versions: Sequence[TemplateVersion]
) -> tuple[TemplateVersion | None, TemplateVersion | None]:
    """Return the versions to compare: the asked ones, else the newest two."""
    by_number = {str(version.number): version for version in versions}
    newest = versions[0] if versions else None
    before = versions[1] if len(versions) > 1 else None
    return (
        by_number.get(request.GET.get("newer", ""), newest),
        by_number.get(request.GET.get("older", ""), before),
    )


def differences(older: TemplateVersion, newer: TemplateVersion) -> list[dict[str, Any]]:
    """Return what differs as lines of a unified diff, part by part."""
    parts = (
        ("Text", older.body, newer.body),
        ("Variables", _pretty(older.variables), _pretty(newer.variables)),
    )
    return [{"title": title, "lines": _diff(old, new)} for title, old, new in parts if old != new]


def _diff(old: str, new: str) -> list[dict[str, str]]:
    kinds = {"+": "added", "-": "removed", "@": "place"}
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=3))[2:]
    return [{"kind": kinds.get(line[:1], "same"), "text": line} for line in lines]


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
