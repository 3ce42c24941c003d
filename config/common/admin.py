"""Base classes of admin pages: scoped to the signed-in member of staff."""

from typing import Any

from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest
from typing_extensions import override
from unfold.admin import ModelAdmin

from config.common.roles import Role


class ScopedModelAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Lists and foreign keys show what `visible_to` lets the user see; changes need `editable_by`.

    Memberships and shares alone decide, as everywhere else: staff need no model permissions for
    rows that are scoped. Models without scope keep Django's permissions.
    """

    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the rows that the user may read."""
        queryset = super().get_queryset(request)
        return queryset.visible_to(request.user) if hasattr(queryset, "visible_to") else queryset

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the app to every member of staff; its lists are scoped."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Let staff look at what `visible_to` shows them."""
        queryset: Any = self.model._default_manager.all()
        if not hasattr(queryset, "visible_to"):
            return bool(super().has_view_permission(request, obj))
        if not is_staff(request):
            return False
        return obj is None or queryset.visible_to(request.user).filter(pk=obj.pk).exists()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let staff create where they are editors; the service of a child row asks its parent."""
        if not hasattr(self.model._default_manager.all(), "editable_by"):
            return bool(super().has_add_permission(request))
        workspaces = self._workspaces()
        return is_staff(request) and (
            workspaces is None or holds_somewhere(request, workspaces, Role.EDITOR)
        )

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Ask the object's own rule."""
        if not hasattr(self.model._default_manager.all(), "editable_by"):
            return bool(super().has_change_permission(request, obj))
        return is_staff(request) and self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Deleting needs the same right as changing."""
        if not hasattr(self.model._default_manager.all(), "editable_by"):
            return bool(super().has_delete_permission(request, obj))
        return is_staff(request) and self._may(request, obj)

    def _workspaces(self) -> Any:
        """Return the workspaces in which a row could be made; None where it has no workspace."""
        names = {field.name for field in self.model._meta.fields}
        if "workspace" not in names:
            return None
        return self.model._meta.get_field("workspace").related_model._default_manager.all()

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


class ScopedInline:
    """For the rows of a page's object: who may change the object may change them.

    Put it before the inline class. It replaces Django's model permissions, as above.
    """

    model: type[models.Model]
    parent_model: type[models.Model]
    admin_site: Any

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whoever may look at the page may look at them."""
        return bool(self._page().has_view_permission(request, obj))

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Adding one is changing the object, or making it."""
        return self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Ask for the right on the object."""
        page = self._page()
        may = (
            page.has_add_permission(request)
            if obj is None
            else page.has_change_permission(request, obj)
        )
        return bool(may)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Removing one is changing the object."""
        return self.has_change_permission(request, obj)

    def _page(self) -> Any:
        return self.admin_site.get_model_admin(self.parent_model)


class ReadOnlyModelAdmin(ScopedModelAdmin):
    """Rows that people look at and never change here."""

    @override
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


def is_staff(request: HttpRequest) -> bool:
    """Tell whether somebody is signed in who may use the console at all."""
    return bool(request.user.is_active and request.user.is_staff)


def holds_somewhere(request: HttpRequest, workspaces: Any, least: Role) -> bool:
    """Tell whether the user holds a role in any workspace; asked once per request and role.

    The theme asks every page for its permissions whenever it draws one.
    """
    known: dict[Role, bool] = request.__dict__.setdefault("_roles_somewhere", {})
    if least not in known:
        known[least] = workspaces.with_role(request.user, least).exists()
    return known[least]


def actor_of(request: HttpRequest) -> User:
    """Return the signed-in user of an admin request."""
    assert isinstance(request.user, User)
    return request.user
