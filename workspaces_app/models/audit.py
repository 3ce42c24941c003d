"""The audit trail: append-only, written in the transaction that it reports."""

from typing import ClassVar

import pgtrigger
from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Now
from typing_extensions import override

from workspaces_app.models.workspaces import Workspace
from workspaces_app.querysets import WorkspaceChildQuerySet


class AuditEvent(models.Model):
    """Who did what to which object, with the values before and after."""

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    workspace = models.ForeignKey(
        Workspace, models.PROTECT, null=True, blank=True, related_name="+"
    )
    actor = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    action = models.CharField(max_length=80)
    """Dotted and globally unique, such as `template.published`."""
    object_type = models.CharField(max_length=80)
    object_id = models.CharField(max_length=64, blank=True)
    object_name = models.CharField(max_length=160, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)

    objects = WorkspaceChildQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["object_type", "object_id"], name="audit_by_object"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Protect(
                name="audit_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"
