"""Abstract base of every table: a time-ordered key and timestamps."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from config.common.uuid7 import uuid7


class BaseModel(models.Model):
    """A row with a UUIDv7 key that sorts by creation."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True, editable=False)

    class Meta:
        abstract = True
        ordering: ClassVar[list[str]] = ["-id"]
