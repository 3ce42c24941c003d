"""Bytes kept in PostgreSQL: uploads and large payloads."""

from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models
from typing_extensions import override

from config.common.models import BaseModel
from workspaces_app.models.workspaces import Workspace
from workspaces_app.querysets import WorkspaceChildQuerySet

PIECE_BYTES = 1_048_576


class Blob(BaseModel):
    """Immutable content, stored in pieces of 1 MiB and served as an attachment only."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    sha256 = models.CharField(max_length=64, db_index=True)
    size_bytes = models.BigIntegerField()
    media_type = models.CharField(max_length=120)
    filename = models.CharField(max_length=255, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    objects = WorkspaceChildQuerySet.as_manager()

    @override
    def __str__(self) -> str:
        return self.filename or self.sha256[:12]


class BlobPiece(models.Model):
    """One piece of a blob; pieces are numbered from 0 and at most 1 MiB each."""

    blob = models.ForeignKey(Blob, models.CASCADE, related_name="pieces")
    index = models.IntegerField()
    content = models.BinaryField()

    class Meta:
        ordering: ClassVar[list[str]] = ["blob", "index"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["blob", "index"], name="blob_pieces_are_numbered"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.blob_id} #{self.index}"
