"""The audit trail and stored files: only read."""

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from config.common.admin import ReadOnlyModelAdmin, actor_of, holds_somewhere, is_staff
from config.common.roles import Role
from workspaces_app.models import AuditEvent, Blob, Workspace


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyModelAdmin):
    """Who did what: only read."""

    list_display = ("created_at", "action_label", "object_label", "actor", "workspace")
    list_display_links = ("created_at",)
    list_filter = (
        ("workspace", admin.RelatedOnlyFieldListFilter),
        ("actor", admin.RelatedOnlyFieldListFilter),
        "object_type",
        "created_at",
    )
    list_filter_submit = True
    list_select_related = ("actor", "workspace")
    search_fields = ("action", "object_name", "object_id", "actor__username")
    ordering = ("-id",)
    paginator = InfinitePaginator
    fields = (
        "created_at",
        "actor",
        "action",
        "workspace",
        "object_type",
        "object_id",
        "object_name",
        "before_json",
        "after_json",
    )
    readonly_fields = fields

    @override
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let administrators of a workspace read its trail."""
        if not is_staff(request):
            return False
        if obj is not None:
            return AuditEvent.objects.administered_by(actor_of(request)).filter(pk=obj.pk).exists()
        return holds_somewhere(request, Workspace.objects.all(), Role.ADMIN)

    @override
    def get_queryset(self, request: HttpRequest) -> Any:
        """Keep what happened in workspaces that the user administers."""
        return super().get_queryset(request).administered_by(actor_of(request))

    @display(description="Action", ordering="action")  # type: ignore[untyped-decorator]  # unfold
    def action_label(self, event: AuditEvent) -> SafeString:
        """Show the action."""
        return format_html('<span class="ab-event-type">{}</span>', event.action)

    @display(description="Object")  # type: ignore[untyped-decorator]  # unfold
    def object_label(self, event: AuditEvent) -> str:
        """Show what it was done to."""
        return event.object_name or event.object_id

    @display(description="Before")  # type: ignore[untyped-decorator]  # unfold
    def before_json(self, event: AuditEvent) -> SafeString:
        """Show the old values."""
        return _json(event.before)

    @display(description="After")  # type: ignore[untyped-decorator]  # unfold
    def after_json(self, event: AuditEvent) -> SafeString:
        """Show the new values."""
        return _json(event.after)


def _json(value: Any) -> SafeString:
    text = "–" if value is None else json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="ab-mono">{}</pre>', text)


@admin.register(Blob)
class BlobAdmin(ReadOnlyModelAdmin):
    """Stored files: only read."""

    list_display = ("heading", "size", "media_type", "workspace", "created_by", "created_at")
    list_select_related = ("workspace", "created_by")
    search_fields = ("filename", "=sha256")
    fields = ("filename", "media_type", "size", "sha256", "workspace", "created_by", "created_at")
    readonly_fields = fields

    @display(description="File", ordering="filename")  # type: ignore[untyped-decorator]  # unfold
    def heading(self, blob: Blob) -> str:
        """Show the name, or the beginning of the hash."""
        return str(blob)

    @display(description="Size", ordering="size_bytes")  # type: ignore[untyped-decorator]  # unfold
    def size(self, blob: Blob) -> str:
        """Show the size as people read it."""
        return filesizeformat(blob.size_bytes)
