"""Filters of the tool list."""

import django_filters

from tools_app.models import Tool, ToolVersion
from tools_app.querysets import ToolQuerySet
from workspaces_app.models import Visibility


class ToolFilter(django_filters.FilterSet):  # type: ignore[misc]  # no types
    """By workspace, name, kind, effect, visibility, and whether it is archived."""

    workspace = django_filters.CharFilter(field_name="workspace__name")
    name = django_filters.CharFilter(field_name="name")
    kind = django_filters.ChoiceFilter(choices=Tool.Kind.choices)
    effect = django_filters.ChoiceFilter(choices=ToolVersion.Effect.choices, method="with_effect")
    visibility = django_filters.ChoiceFilter(choices=Visibility.choices)
    archived = django_filters.BooleanFilter(
        field_name="archived_at", lookup_expr="isnull", exclude=True
    )

    class Meta:
        model = Tool
        fields: list[str] = []

    def with_effect(self, queryset: ToolQuerySet, _name: str, value: str) -> ToolQuerySet:
        """Keep tools whose newest version has the effect."""
        return queryset.with_effect(value)
