"""Tools that an agent may call; a changed definition is a new version."""

from typing import ClassVar

import pgtrigger
from django.contrib.auth.models import User
from django.db import models
from django.utils.functional import cached_property
from typing_extensions import override

from config.common.models import BaseModel
from tools_app.querysets import ToolQuerySet, ToolVersionQuerySet
from workspaces_app.models import OwnedModel, Secret, Share


class Tool(OwnedModel):
    """A tool; its newest version holds the definition that agents pin when they are published."""

    class Kind(models.TextChoices):
        FUNCTION = "function", "Python function"
        HTTP = "http", "HTTP request"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    last_number = models.PositiveIntegerField(default=0, editable=False)
    secret = models.ForeignKey(Secret, models.PROTECT, null=True, blank=True, related_name="tools")
    """Sent as a bearer token to the secret's own origin only."""

    objects = ToolQuerySet.as_manager()  # type: ignore[misc]  # narrows the inherited manager

    class Meta(OwnedModel.Meta):
        pass

    @cached_property
    def newest_version(self) -> "ToolVersion":
        """The version that new publications of agents pin; one query unless it is prefetched."""
        prefetched: list[ToolVersion] = getattr(self, "newest_versions", [])
        version = prefetched[0] if prefetched else self.versions.get(number=self.last_number)
        version.tool = self
        return version


class ToolVersion(BaseModel):
    """An immutable definition of a tool."""

    class Effect(models.TextChoices):
        """What calling it twice would do; it decides about retries, approval and replay."""

        READ = "read", "Read: no effect"
        IDEMPOTENT = "idempotent", "Idempotent: the receiver honours our key"
        WRITE = "write", "Write: an effect that can be undone"
        IRREVERSIBLE = "irreversible", "Irreversible"

    tool = models.ForeignKey(Tool, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    description = models.TextField(max_length=4000)
    """What the model reads."""
    parameters = models.JSONField()
    """JSON Schema 2020-12 of the arguments; its type is object."""
    effect = models.CharField(max_length=12, choices=Effect.choices, default=Effect.IRREVERSIBLE)
    config = models.JSONField(default=dict)
    """function: `{"function": name}`; http: `{"method", "url", "headers", "query", "body"}`."""
    timeout_s = models.FloatField(default=30.0)
    max_output_bytes = models.PositiveIntegerField(default=65_536)
    content_sha256 = models.CharField(max_length=64)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    objects = ToolVersionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["tool", "-number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["tool", "number"], name="version_number_is_unique_in_its_tool"
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Protect(name="tool_version_is_immutable", operation=pgtrigger.Update),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.tool} v{self.number}"


class ToolShare(Share):
    """A role on one tool for one user or group."""

    object = models.ForeignKey(Tool, models.CASCADE, related_name="shares")

    class Meta(Share.Meta):
        pass
