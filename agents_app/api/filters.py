"""Filters of agents and runs."""

from typing import ClassVar

import django_filters

from agents_app.models import Agent, Run


class AgentFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """`?workspace=&name=&visibility=&is_published=&is_archived=`."""

    workspace = django_filters.CharFilter(field_name="workspace__name")
    is_published = django_filters.BooleanFilter(field_name="last_number", method="with_versions")
    is_archived = django_filters.BooleanFilter(
        field_name="archived_at", lookup_expr="isnull", exclude=True
    )
    tool = django_filters.UUIDFilter(field_name="tools")
    knowledge_base = django_filters.UUIDFilter(field_name="knowledge_bases")

    class Meta:
        model = Agent
        fields: ClassVar[list[str]] = ["name", "visibility", "provider"]

    def with_versions(self, queryset, name, value):  # type: ignore[no-untyped-def]  # as above
        """Keep agents that have been published, or have not."""
        return queryset.filter(last_number__gt=0) if value else queryset.filter(last_number=0)


class RunFilter(django_filters.FilterSet):  # type: ignore[misc]  # as above
    """`?status=&agent=&session=&purpose=&created_after=&created_before=`."""

    workspace = django_filters.CharFilter(field_name="workspace__name")
    agent = django_filters.UUIDFilter(field_name="agent_version__agent")
    version = django_filters.NumberFilter(field_name="agent_version__number")
    status = django_filters.MultipleChoiceFilter(choices=Run.Status.choices)
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Run
        fields: ClassVar[list[str]] = ["session", "purpose", "user"]
