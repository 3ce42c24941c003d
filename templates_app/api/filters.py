"""Filters of the template list."""

from typing import Any

import django_filters

from templates_app.models import PromptTemplate
from workspaces_app.models import Visibility


class TemplateFilter(django_filters.FilterSet):  # type: ignore[misc]  # it has no types
    """By workspace, name, tag, visibility, and whether it is published or archived."""

    workspace = django_filters.CharFilter(field_name="workspace__name")
    name = django_filters.CharFilter(field_name="name")
    tag = django_filters.CharFilter(method="with_tag", label="Carries this tag")
    visibility = django_filters.ChoiceFilter(choices=Visibility.choices)
    has_versions = django_filters.BooleanFilter(method="with_versions", label="Has been published")
    archived = django_filters.BooleanFilter(
        field_name="archived_at", lookup_expr="isnull", exclude=True
    )

    class Meta:
        model = PromptTemplate
        fields: list[str] = []

    def with_tag(self, queryset: Any, _name: str, value: str) -> Any:
        """Keep templates that carry the tag."""
        return queryset.filter(tags__contains=[value.lower()])

    def with_versions(self, queryset: Any, _name: str, value: bool) -> Any:
        """Keep templates that have, or do not have, a version."""
        return queryset.filter(last_number__gt=0) if value else queryset.filter(last_number=0)
