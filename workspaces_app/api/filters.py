"""Filters of the lists of this app."""

import django_filters

from workspaces_app.models import AuditEvent, ModelProvider, Secret


class ProviderFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By workspace, name, source, and whether it is switched on."""

    workspace = django_filters.CharFilter(field_name="workspace__name")
    name = django_filters.CharFilter()
    source = django_filters.ChoiceFilter(choices=ModelProvider.Source.choices)
    is_enabled = django_filters.BooleanFilter()

    class Meta:
        model = ModelProvider
        fields: list[str] = []


class SecretFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By workspace and name."""

    workspace = django_filters.CharFilter(field_name="workspace__name")
    name = django_filters.CharFilter()

    class Meta:
        model = Secret
        fields: list[str] = []


class AuditEventFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By workspace, actor, action, object and time."""

    workspace = django_filters.CharFilter(field_name="workspace__name")
    actor = django_filters.CharFilter(field_name="actor__username")
    action = django_filters.CharFilter()
    object_type = django_filters.CharFilter(lookup_expr="iexact")
    object_id = django_filters.CharFilter()
    since = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = AuditEvent
        fields: list[str] = []
