"""Workspaces and their members."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Model
from django.http import HttpRequest
from typing_extensions import override
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from config.common.admin import ScopedInline
from config.common.roles import Role
from workspaces_app.admin.audited import AuditedAdmin
from workspaces_app.models import Membership, Workspace


class MembershipInline(ScopedInline, TabularInline):  # type: ignore[misc]  # unfold has no types
    """The members of a workspace."""

    model = Membership
    fields = ("user", "role")
    extra = 0
    autocomplete_fields = ("user",)
    verbose_name_plural = "Members"


@admin.register(Workspace)
class WorkspaceAdmin(AuditedAdmin):
    """Workspaces are made by superusers and kept: everything belongs to one."""

    list_display = ("heading", "member_count", "created_at")
    search_fields = ("name", "title")
    ordering = ("name",)
    inlines = (MembershipInline,)
    fields = ("name", "title")

    @override
    def get_queryset(self, request: HttpRequest) -> Any:
        """Count the members."""
        return super().get_queryset(request).annotate(members=Count("memberships"))

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only superusers create tenants."""
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """The audit trail refers to it for good."""
        return False

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """References carry the name."""
        return ("name",) if obj else ()

    @display(description="Workspace", header=True, ordering="name")  # type: ignore[untyped-decorator]  # unfold
    def heading(self, workspace: Workspace) -> list[str]:
        """Show title and name."""
        return [workspace.title or workspace.name, workspace.name]

    @display(description="Members", ordering="members")  # type: ignore[untyped-decorator]  # unfold
    def member_count(self, workspace: Any) -> int:
        """Show how many people belong to it."""
        return int(workspace.members)


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin):
    """Who holds which role where."""

    list_display = ("user", "workspace", "role_label", "created_at")
    list_filter = (("role", ChoicesDropdownFilter), ("workspace", admin.RelatedOnlyFieldListFilter))
    list_filter_submit = True
    list_select_related = ("user", "workspace")
    search_fields = ("user__username", "user__email", "workspace__name")
    autocomplete_fields = ("user",)
    fields = ("workspace", "user", "role")

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A membership is of one person in one workspace; only the role changes."""
        return ("workspace", "user") if obj else ()

    @display(  # type: ignore[untyped-decorator]  # unfold
        description="Role",
        ordering="role",
        label={Role.ADMIN: "warning", Role.EDITOR: "success", Role.RUNNER: "info"},
    )
    def role_label(self, membership: Membership) -> tuple[str, str]:
        """Show the role."""
        return membership.role, membership.get_role_display()
