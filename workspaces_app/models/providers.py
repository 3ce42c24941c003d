"""Model providers and the secrets they need."""

from typing import ClassVar

from django.db import models
from typing_extensions import override

from config.common.models import BaseModel
from workspaces_app.models.workspaces import Workspace, validate_name
from workspaces_app.querysets import WorkspaceChildQuerySet


class Secret(BaseModel):
    """A value stored encrypted (AES-256-GCM) and bound to the origin it may be sent to.

    It is write-only: no API and no page ever shows more than the last four characters.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    name = models.CharField(max_length=64, validators=[validate_name])
    ciphertext = models.BinaryField(editable=False)
    last4 = models.CharField(max_length=4, blank=True, editable=False)
    origin = models.CharField(max_length=255)
    """`scheme://host:port` of the only server that may receive the value."""

    objects = WorkspaceChildQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "name"], name="secret_name_is_unique"),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class ModelProvider(BaseModel):
    """A server that answers model requests in OpenAI's shape."""

    class Api(models.TextChoices):
        RESPONSES = "responses", "Responses"
        CHAT_COMPLETIONS = "chat_completions", "Chat Completions"

    class Source(models.TextChoices):
        """Where address and key come from; only `custom` rows can be edited by staff."""

        CUSTOM = "custom", "Entered here"
        ENVIRONMENT = "environment", "OPENAI_API_KEY and OPENAI_BASE_URL"
        LOCAL = "local", "The local demonstration model"

    class ToolMode(models.TextChoices):
        NATIVE = "native", "The server calls tools itself"
        JSON = "json", "Ask for JSON that names a tool"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    name = models.CharField(max_length=64, validators=[validate_name])
    title = models.CharField(max_length=120, blank=True)
    api = models.CharField(max_length=16, choices=Api.choices, default=Api.RESPONSES)
    source = models.CharField(max_length=12, choices=Source.choices, default=Source.CUSTOM)
    base_url = models.URLField(max_length=500, blank=True)
    """Of `custom` rows; the others take it from the settings at every call."""
    secret = models.ForeignKey(
        Secret, models.PROTECT, null=True, blank=True, related_name="providers"
    )
    default_model = models.CharField(max_length=120)
    tool_mode = models.CharField(max_length=8, choices=ToolMode.choices, default=ToolMode.NATIVE)
    is_demo = models.BooleanField(default=False)
    """A tiny model that shows how the product works, not what an agent can do."""
    is_enabled = models.BooleanField(default=True)

    objects = WorkspaceChildQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "name"], name="provider_name_is_unique"),
        ]

    @override
    def __str__(self) -> str:
        return self.title or self.name
