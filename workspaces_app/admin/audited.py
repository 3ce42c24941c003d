"""The base of pages whose changes leave rows in the audit trail."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from typing_extensions import override

from config.common.admin import ScopedModelAdmin, actor_of, holds_somewhere, is_staff
from config.common.roles import Role
from workspaces_app.models import Workspace
from workspaces_app.services import audit


def plain(field: Any) -> Any:
    """Take the buttons away that add or change the row behind a choice."""
    for action in ("add", "change", "delete", "view"):
        if hasattr(field.widget, f"can_{action}_related"):
            setattr(field.widget, f"can_{action}_related", False)
    return field


class AuditedAdmin(ScopedModelAdmin):
    """Pages whose changes need the role of an administrator and leave rows in the audit trail."""

    actions = None

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let administrators of a workspace add to it."""
        return is_staff(request) and holds_somewhere(request, Workspace.objects.all(), Role.ADMIN)

    @override
    def _may(self, request: HttpRequest, obj: Model | None) -> bool:
        if obj is None:
            return True
        rows: Any = self.model._default_manager.all()
        return bool(rows.administered_by(request.user).filter(pk=obj.pk).exists())

    @override
    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the workspaces that the user administers."""
        if db_field.name == "workspace":
            mine = Workspace.objects.administered_by(actor_of(request))
            kwargs["queryset"] = mine
            kwargs["initial"] = mine.filter(name="default").first() or mine.first()
        return plain(super().formfield_for_foreignkey(db_field, request, **kwargs))

    @override
    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Record the new row."""
        audit.record(actor_of(request), f"{self.opts.model_name}.created", obj)
        return super().log_addition(request, obj, message)

    @override
    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Record which fields were changed, never their values."""
        if message:
            after = {"changes": message}
            audit.record(actor_of(request), f"{self.opts.model_name}.changed", obj, after=after)
        return super().log_change(request, obj, message)

    @override
    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Record the end of the row."""
        audit.record(actor_of(request), f"{self.opts.model_name}.deleted", obj)
        super().delete_model(request, obj)
