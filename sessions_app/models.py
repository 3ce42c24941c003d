"""Conversations: a session and its messages in order."""

from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models
from typing_extensions import override

from config.common.models import BaseModel
from sessions_app.querysets import MessageQuerySet, SessionQuerySet
from workspaces_app.models import Workspace


class Session(BaseModel):
    """A conversation of one user; several agents may answer in it."""

    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    title = models.CharField(max_length=160, blank=True)
    last_sequence = models.PositiveIntegerField(default=0, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-id"], name="session_by_user"),
        ]

    @override
    def __str__(self) -> str:
        return self.title or f"Session {self.id}"


class Message(BaseModel):
    """One item of a turn. Sequences are given by the session's counter, from 1 without gaps."""

    class Kind(models.TextChoices):
        USER = "user", "User"
        ASSISTANT = "assistant", "Assistant"
        TOOL_RESULT = "tool_result", "Tool result"
        PASSAGES = "passages", "Passages"
        NOTICE = "notice", "Notice"

    session = models.ForeignKey(Session, models.CASCADE, related_name="messages")
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=Kind.choices)
    run_id = models.UUIDField(null=True, blank=True, db_index=True)
    """The run that the item belongs to; runs live on a higher floor, hence no foreign key."""
    step = models.PositiveSmallIntegerField(default=0)
    content = models.JSONField()
    """The item as `agents_app.engine.messages.encode_message` writes it."""

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["session", "sequence"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["session", "sequence"], name="sequence_is_unique_in_its_session"
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.session_id} #{self.sequence} {self.kind}"
