"""Filters of the lists of sessions and messages."""

import django_filters

from sessions_app.models import Message, Session


class SessionFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By workspace, and whether it is archived."""

    workspace = django_filters.CharFilter(field_name="workspace__name")
    archived = django_filters.BooleanFilter(
        field_name="archived_at", lookup_expr="isnull", exclude=True, label="Is archived"
    )

    class Meta:
        model = Session
        fields: list[str] = []


class MessageFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By kind, run, and place in the conversation."""

    kind = django_filters.ChoiceFilter(choices=Message.Kind.choices)
    run = django_filters.UUIDFilter(field_name="run_id")
    after = django_filters.NumberFilter(
        field_name="sequence", lookup_expr="gt", label="Only messages after this sequence"
    )

    class Meta:
        model = Message
        fields: list[str] = []
