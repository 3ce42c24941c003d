"""Wire shapes of agents, versions and runs."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from typing_extensions import override

from agents_app.models import Agent, AgentVersion, Run
from config.common.api.serializers import StrictModelSerializer, StrictSerializer
from config.common.api.workspace import WorkspaceField
from knowledge_app.models import KnowledgeBase
from sessions_app.models import Session
from templates_app.models import TemplateVersion
from tools_app.models import Tool
from workspaces_app.models import ModelProvider, Workspace
from workspaces_app.models.workspaces import validate_name
from workspaces_app.services.access import workspace_named


class AgentSerializer(serializers.ModelSerializer[Agent]):
    """An agent with its draft, as it is read."""

    workspace = serializers.SlugRelatedField[Workspace](slug_field="name", read_only=True)
    reference = serializers.CharField(read_only=True)

    class Meta:
        model = Agent
        fields: ClassVar[list[str]] = [
            "id",
            "workspace",
            "name",
            "reference",
            "title",
            "description",
            "visibility",
            "instructions",
            "variables",
            "provider",
            "model",
            "model_settings",
            "tools",
            "knowledge_bases",
            "first_tool",
            "context_tokens",
            "max_steps",
            "last_number",
            "archived_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class AgentWriteSerializer(StrictModelSerializer):
    """The draft of an agent, as it is written; what is left out stays as it is."""

    workspace = WorkspaceField(queryset=Workspace.objects.all(), required=False)
    name = serializers.CharField(max_length=64, validators=[validate_name])
    instructions = serializers.PrimaryKeyRelatedField(
        queryset=TemplateVersion.objects.all(), allow_null=True, required=False
    )
    provider = serializers.PrimaryKeyRelatedField(
        queryset=ModelProvider.objects.all(), allow_null=True, required=False
    )
    tools: Any = serializers.PrimaryKeyRelatedField(
        queryset=Tool.objects.all(), many=True, required=False
    )
    knowledge_bases: Any = serializers.PrimaryKeyRelatedField(
        queryset=KnowledgeBase.objects.all(), many=True, required=False
    )

    class Meta:
        model = Agent
        validators: ClassVar[list[Any]] = []
        fields: ClassVar[list[str]] = [
            "workspace",
            "name",
            "title",
            "description",
            "visibility",
            "instructions",
            "variables",
            "provider",
            "model",
            "model_settings",
            "tools",
            "knowledge_bases",
            "first_tool",
            "context_tokens",
            "max_steps",
        ]

    @override
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Let every relation find only rows that the actor may use."""
        fields = super().get_fields()
        request = self.context.get("request")
        if request is None:
            return fields
        for name in ("instructions", "provider", "tools", "knowledge_bases"):
            field: Any = fields[name]
            related: Any = getattr(field, "child_relation", field)
            related.queryset = related.queryset.runnable_by(request.user)
        return fields

    @override
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Fill in the workspace of a new agent."""
        if not self.partial and "workspace" not in attrs:
            attrs["workspace"] = workspace_named(self.context["request"].user, None)
        return attrs


class PublishAgentSerializer(StrictSerializer):
    """What goes with a new version."""

    change_note = serializers.CharField(
        max_length=300, required=False, allow_blank=True, default=""
    )


class AgentVersionSerializer(serializers.ModelSerializer[AgentVersion]):
    """A published version."""

    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)

    class Meta:
        model = AgentVersion
        fields: ClassVar[list[str]] = [
            "id",
            "agent",
            "number",
            "manifest",
            "content_sha256",
            "change_note",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields


class StartRunSerializer(StrictSerializer):
    """The input of a run."""

    input = serializers.CharField(max_length=200_000, trim_whitespace=False)
    session: Any = serializers.PrimaryKeyRelatedField(
        queryset=Session.objects.all(), required=False, allow_null=True, default=None
    )
    variables = serializers.DictField(required=False, default=dict)
    purpose = serializers.ChoiceField(
        choices=[Run.Purpose.PRODUCTION, Run.Purpose.PLAYGROUND],
        required=False,
        default=Run.Purpose.PRODUCTION,
    )
    version = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2_147_483_647
    )

    @override
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Let `session` find only the actor's own sessions."""
        fields = super().get_fields()
        request = self.context.get("request")
        if request is not None:
            session: Any = fields["session"]
            session.queryset = Session.objects.runnable_by(request.user)
        return fields


class RunSerializer(serializers.ModelSerializer[Run]):
    """A run, with its answer once it is over."""

    workspace = serializers.SlugRelatedField[Workspace](slug_field="name", read_only=True)
    user = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    agent = serializers.UUIDField(source="agent_version.agent_id", read_only=True)
    agent_name = serializers.CharField(source="agent_version.agent.name", read_only=True)
    version = serializers.IntegerField(source="agent_version.number", read_only=True)
    duration_ms = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields: ClassVar[list[str]] = [
            "id",
            "workspace",
            "user",
            "agent",
            "agent_name",
            "version",
            "session",
            "purpose",
            "status",
            "input",
            "output",
            "error_code",
            "error_detail",
            "usage",
            "variables",
            "last_seq",
            "attempt",
            "created_at",
            "started_at",
            "finished_at",
            "duration_ms",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_duration_ms(self, run: Run) -> int | None:
        """Return the time from the first claim to the end, None while it runs."""
        if run.started_at is None or run.finished_at is None:
            return None
        return round((run.finished_at - run.started_at).total_seconds() * 1000)


class RunEventSerializer(serializers.Serializer[Any]):
    """An event of the log, in the shape that sockets and streams carry too."""

    type = serializers.CharField()
    run = serializers.UUIDField()
    seq = serializers.IntegerField()
    offset = serializers.IntegerField()
    attempt = serializers.IntegerField()
    at = serializers.DateTimeField()
    data = serializers.DictField()  # type: ignore[assignment]  # shadows the serializer's own
