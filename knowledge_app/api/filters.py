"""Filters of the lists of bases and documents."""

import django_filters

from knowledge_app.models import Document, KnowledgeBase
from workspaces_app.models import Visibility


class KnowledgeBaseFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By workspace, name, visibility, and whether it is archived."""

    workspace = django_filters.CharFilter(field_name="workspace__name")
    name = django_filters.CharFilter(field_name="name")
    visibility = django_filters.ChoiceFilter(choices=Visibility.choices)
    archived = django_filters.BooleanFilter(
        field_name="archived_at", lookup_expr="isnull", exclude=True, label="Is archived"
    )

    class Meta:
        model = KnowledgeBase
        fields: list[str] = []


class DocumentFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By state and kind."""

    state = django_filters.ChoiceFilter(choices=Document.State.choices)
    media_type = django_filters.CharFilter(field_name="media_type")

    class Meta:
        model = Document
        fields: list[str] = []
