"""Filters of the lists of templates and versions."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from typing_extensions import override

from config.common.admin import actor_of


class WorkspaceFilter(admin.RelatedFieldListFilter):
    """Workspaces of the user; the stock filter would show the names of all."""

    @override
    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Return the workspaces that the user may see."""
        visible = field.remote_field.model.objects.visible_to(actor_of(request))
        return [(str(workspace.pk), str(workspace)) for workspace in visible.order_by("name")]


class StateFilter(admin.SimpleListFilter):
    """Archived templates are shown when asked for."""

    title = "state"
    parameter_name = "state"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer what differs from the default."""
        return [("published", "Published"), ("draft", "Never published"), ("archived", "Archived")]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the templates of the chosen state."""
        match self.value():
            case "archived":
                return queryset.filter(archived_at__isnull=False)
            case "published":
                return queryset.filter(archived_at__isnull=True, last_number__gt=0)
            case "draft":
                return queryset.filter(archived_at__isnull=True, last_number=0)
        return queryset.filter(archived_at__isnull=True)
