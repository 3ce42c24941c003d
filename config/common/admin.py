"""Base classes of admin pages: scoped to the signed-in member of staff."""

from typing import Any

from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest
from typing_extensions import override
from unfold.admin import ModelAdmin


class ScopedModelAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Lists and foreign keys show what `visible_to` lets the user see; changes need `editable_by`.

    Django's model permissions apply on top: staff need them to open a page at all.
    """

    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the rows that the user may read."""
        queryset = super().get_queryset(request)
        return queryset.visible_to(request.user) if hasattr(queryset, "visible_to") else queryset

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Ask Django's permission first, then the object's own rule."""
        return bool(super().has_change_permission(request, obj)) and self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Deleting needs the same right as changing."""
        return bool(super().has_delete_permission(request, obj)) and self._may(request, obj)

    def _may(self, request: HttpRequest, obj: models.Model | None) -> bool:
        queryset: Any = self.model._default_manager.all()
        if obj is None or not hasattr(queryset, "editable_by"):
            return True
        return bool(queryset.editable_by(request.user).filter(pk=obj.pk).exists())

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer only rows that the user may see."""
        queryset = db_field.remote_field.model._default_manager.all()
        if "queryset" not in kwargs and hasattr(queryset, "visible_to"):
            kwargs["queryset"] = queryset.visible_to(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ReadOnlyModelAdmin(ScopedModelAdmin):
    """Rows that people look at and never change here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds rows here."""
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Nobody changes rows here."""
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Nobody deletes rows here."""
        return False


def actor_of(request: HttpRequest) -> User:
    """Return the signed-in user of an admin request."""
    assert isinstance(request.user, User)
    return request.user
