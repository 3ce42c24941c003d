"""Wire forms of tools: a tool stands with the definition of its newest version."""

from typing import Any, ClassVar

from django.contrib.auth.models import User
from rest_framework import serializers
from typing_extensions import override

from config.common.api.serializers import PlainJSONField, StrictModelSerializer, StrictSerializer
from config.common.api.workspace import WorkspaceField
from tools_app.domain.definition import (
    DEFAULT_OUTPUT_BYTES,
    MAX_DESCRIPTION_CHARS,
    MAX_OUTPUT_BYTES,
    MAX_TIMEOUT_S,
    MIN_OUTPUT_BYTES,
    MIN_TIMEOUT_S,
)
from tools_app.models import Tool, ToolVersion
from workspaces_app.models import Secret, Visibility, Workspace

DEFINITION_FIELDS = (
    "description",
    "parameters",
    "effect",
    "config",
    "timeout_s",
    "max_output_bytes",
)


class ObjectField(serializers.DictField):
    """A JSON object of any members."""

    child = PlainJSONField()


class SecretField(serializers.SlugRelatedField[Any]):
    """A secret by its name, among those that the actor may see."""

    default_error_messages = {
        "does_not_exist": "There is no secret {value!r} here, or you may not see it.",
        "invalid": "Write the name of a secret.",
    }

    def __init__(self, **kwargs: Any) -> None:
        """Relate by name."""
        super().__init__(slug_field="name", **kwargs)

    @override
    def get_queryset(self) -> Any:
        """Return the secrets of the tool's workspace, or of all of the actor's workspaces."""
        queryset = Secret.objects.visible_to(self.context["request"].user)
        workspace = self.context.get("workspace")
        return queryset.filter(workspace=workspace) if workspace else queryset


class ToolUpdateSerializer(StrictSerializer):
    """What can be changed about a tool; parts that are left out stay."""

    title = serializers.CharField(max_length=120, allow_blank=True, required=False)
    visibility = serializers.ChoiceField(choices=Visibility.choices, required=False)
    secret = SecretField(
        queryset=Secret.objects.all(),
        required=False,
        allow_null=True,
        help_text="Name of the secret that is sent as a bearer token to its own origin; or null.",
    )
    description = serializers.CharField(
        max_length=MAX_DESCRIPTION_CHARS,
        required=False,
        allow_blank=True,
        help_text="What the model reads. Empty takes a function's own.",
    )
    parameters = ObjectField(
        required=False,
        help_text="JSON Schema 2020-12 of the arguments; a Python function brings its own.",
    )
    effect = serializers.ChoiceField(
        choices=ToolVersion.Effect.choices,
        required=False,
        help_text="What calling it twice would do. Left out: irreversible, or a function's own.",
    )
    config = ObjectField(
        required=False,
        help_text='`{"function": name}`, or `{"method", "url", "headers", "query", "body"}` with'
        " `{argument}` as placeholder.",
    )
    timeout_s = serializers.FloatField(
        min_value=MIN_TIMEOUT_S, max_value=MAX_TIMEOUT_S, required=False
    )
    max_output_bytes = serializers.IntegerField(
        min_value=MIN_OUTPUT_BYTES,
        max_value=MAX_OUTPUT_BYTES,
        required=False,
        help_text=f"By default {DEFAULT_OUTPUT_BYTES}; longer results are cut off with a note.",
    )


class ToolCreateSerializer(ToolUpdateSerializer):
    """A new tool: its place, name and kind, then its definition."""

    workspace = WorkspaceField(queryset=Workspace.objects.all(), required=False)
    name = serializers.CharField(
        max_length=64, help_text="Lower-case letters, digits and hyphens; the model sees it."
    )
    kind = serializers.ChoiceField(choices=Tool.Kind.choices)
    config = ObjectField(help_text=ToolUpdateSerializer().fields["config"].help_text)


class ToolVersionSerializer(StrictModelSerializer):
    """One version, which never changes."""

    parameters = ObjectField(read_only=True)
    config = ObjectField(read_only=True)
    created_by = serializers.SlugRelatedField[User](slug_field="username", read_only=True)

    class Meta:
        model = ToolVersion
        fields: ClassVar[list[str]] = [
            "id",
            "number",
            *DEFINITION_FIELDS,
            "content_sha256",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields


class ToolSerializer(StrictModelSerializer):
    """A tool with the definition of its newest version."""

    workspace = serializers.SlugRelatedField[Workspace](slug_field="name", read_only=True)
    reference = serializers.CharField(read_only=True)
    secret = serializers.SlugRelatedField[Secret](
        slug_field="name", read_only=True, allow_null=True
    )
    created_by = serializers.SlugRelatedField[User](slug_field="username", read_only=True)
    description = serializers.CharField(source="newest_version.description", read_only=True)
    parameters = ObjectField(source="newest_version.parameters", read_only=True)
    effect = serializers.ChoiceField(
        choices=ToolVersion.Effect.choices, source="newest_version.effect", read_only=True
    )
    config = ObjectField(source="newest_version.config", read_only=True)
    timeout_s = serializers.FloatField(source="newest_version.timeout_s", read_only=True)
    max_output_bytes = serializers.IntegerField(
        source="newest_version.max_output_bytes", read_only=True
    )
    version = serializers.IntegerField(source="last_number", read_only=True)
    version_id = serializers.UUIDField(source="newest_version.id", read_only=True)

    class Meta:
        model = Tool
        fields: ClassVar[list[str]] = [
            "id",
            "workspace",
            "name",
            "reference",
            "title",
            "kind",
            "visibility",
            "secret",
            *DEFINITION_FIELDS,
            "version",
            "version_id",
            "created_by",
            "created_at",
            "updated_at",
            "archived_at",
        ]
        read_only_fields = fields


class TrySerializer(StrictSerializer):
    """Arguments for a trial."""

    arguments = ObjectField(default=dict)


class TrialSerializer(StrictSerializer):
    """What a trial brought."""

    outcome = serializers.ChoiceField(
        choices=["succeeded", "retry", "failed", "approval_required"],
        help_text="`retry`: other arguments may work. `failed`: the tool cannot do it now.",
    )
    output = serializers.CharField(
        allow_null=True, help_text="What the model would read; null unless it succeeded."
    )
    error = serializers.CharField(allow_null=True, help_text="What the model would be told.")
    is_truncated = serializers.BooleanField()
    size_bytes = serializers.IntegerField(help_text="Of the whole output, before it was cut off.")
    duration_ms = serializers.FloatField()


class ToolFunctionSerializer(StrictSerializer):
    """A Python function that the operator has installed."""

    name = serializers.CharField()
    description = serializers.CharField()
    parameters = ObjectField()
    effect = serializers.ChoiceField(choices=ToolVersion.Effect.choices)
    timeout_s = serializers.FloatField()
