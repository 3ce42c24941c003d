"""Conversations in the console: read, never written."""

from typing import Any

from django.contrib import admin
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from config.common.admin import ReadOnlyModelAdmin
from sessions_app.models import Message, Session

SHOWN_MESSAGES = 200


@admin.register(Session)
class SessionAdmin(ReadOnlyModelAdmin):
    """Sessions with their messages as a conversation."""

    list_display = ("shown_title", "user", "workspace", "last_sequence", "created_at", "updated_at")
    list_filter = ("workspace", ("archived_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "workspace")
    search_fields = ("title", "user__username")
    ordering = ("-id",)
    fields = (
        ("user", "workspace"),
        ("created_at", "updated_at"),
        "conversation",
    )
    readonly_fields = ("conversation",)

    class Media:
        css = {"all": ("sessions_app/conversation.css",)}

    @admin.display(description="Title", ordering="title")
    def shown_title(self, session: Session) -> str:
        """Return the title, or what stands in for it."""
        return session.title or f"Session of {session.created_at:%d %b %Y, %H:%M}"

    @admin.display(description="")
    def conversation(self, session: Session) -> SafeString:
        """Return the last messages as a readable conversation; every text is escaped."""
        newest = list(
            Message.objects.filter(session=session).order_by("-sequence")[:SHOWN_MESSAGES]
        )
        context: dict[str, Any] = {
            "messages": newest[::-1],
            "earlier": max(0, session.last_sequence - len(newest)),
        }
        return render_to_string("admin/sessions_app/session/conversation.html", context)
