"""Users and groups, in the clothes of the console."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from knox.models import AuthToken
from typing_extensions import override
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from config.common.admin import holds_somewhere, is_staff
from config.common.roles import Role
from workspaces_app.models import Workspace

for stock in (User, Group, AuthToken):
    if admin.site.is_registered(stock):
        admin.site.unregister(stock)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]  # unfold has no types
    """People who sign in."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")
    warn_unsaved_form = True
    actions = None

    @override
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let administrators of a workspace find people by name when they add members."""
        if super().has_view_permission(request, obj):
            return True
        match = request.resolver_match
        is_search = match is not None and match.url_name == "autocomplete"
        if not is_search or not is_staff(request):
            return False
        return holds_somewhere(request, Workspace.objects.all(), Role.ADMIN)

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The audit trail refers to people for good; switch them off instead."""
        return False


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]  # as above
    """Groups share objects and permissions."""

    actions = None
