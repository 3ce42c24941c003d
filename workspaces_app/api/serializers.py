"""Wire forms of workspaces, members, tokens, providers, secrets and the audit trail."""

from typing import Any, ClassVar

from rest_framework import serializers

from config.common.api.serializers import PlainJSONField, StrictModelSerializer, StrictSerializer
from config.common.api.workspace import WorkspaceField
from config.common.roles import ROLE_CHOICES
from workspaces_app.models import (
    ApiToken,
    AuditEvent,
    Blob,
    Membership,
    ModelProvider,
    Secret,
    TokenScope,
    Workspace,
)

MAX_SECRET_CHARS = 4096


class WorkspaceSerializer(serializers.ModelSerializer[Workspace]):
    """A workspace, with the role that the reader holds in it."""

    role = serializers.ChoiceField(
        choices=ROLE_CHOICES,
        source="role_of_actor",
        read_only=True,
        allow_null=True,
        help_text="Your role; null for a superuser who is no member.",
    )

    class Meta:
        model = Workspace
        fields = ("id", "name", "title", "role", "created_at", "updated_at")
        read_only_fields = fields


class WorkspaceCreateSerializer(StrictSerializer):
    """A new workspace."""

    name = serializers.CharField(max_length=64)
    title = serializers.CharField(max_length=120, default="", allow_blank=True)


class WorkspaceUpdateSerializer(StrictSerializer):
    """What may change of a workspace."""

    title = serializers.CharField(max_length=120, allow_blank=True)


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """One person's role in a workspace."""

    user = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Membership
        fields = ("id", "user", "role", "created_at", "updated_at")
        read_only_fields = fields


class MemberAddSerializer(StrictSerializer):
    """A person to add."""

    user = serializers.CharField(max_length=150, help_text="The user name.")
    role = serializers.ChoiceField(choices=ROLE_CHOICES)


class MemberRoleSerializer(StrictSerializer):
    """Another role for a member."""

    role = serializers.ChoiceField(choices=ROLE_CHOICES)


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """An API token as it is listed: never its value."""

    id = serializers.CharField(
        source="token_key", read_only=True, help_text="The beginning of the token."
    )
    created_at = serializers.DateTimeField(source="created", read_only=True)
    expires_at = serializers.DateTimeField(source="expiry", read_only=True, allow_null=True)

    class Meta:
        model = ApiToken
        fields: tuple[str, ...] = (
            "id",
            "name",
            "scopes",
            "created_at",
            "expires_at",
            "last_used_at",
        )
        read_only_fields = fields


class TokenCreatedSerializer(TokenSerializer):
    """A token that was just made; `token` is shown this once."""

    token = serializers.CharField(read_only=True, help_text="Shown in this answer only.")

    class Meta(TokenSerializer.Meta):
        fields: tuple[str, ...] = (*TokenSerializer.Meta.fields, "token")
        read_only_fields = fields


class TokenCreateSerializer(StrictSerializer):
    """A token to make."""

    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=TokenScope.choices),
        min_length=1,
        max_length=len(TokenScope.choices),
    )
    lifetime_days = serializers.IntegerField(
        min_value=1, max_value=3650, default=90, allow_null=True, help_text="null: without end."
    )


class ProviderSerializer(serializers.ModelSerializer[ModelProvider]):
    """A model provider; of its key only the end is shown."""

    workspace = serializers.CharField(source="workspace.name", read_only=True)
    key_last4 = serializers.SerializerMethodField(help_text="null: no key is stored.")

    class Meta:
        model = ModelProvider
        fields = (
            "id",
            "workspace",
            "name",
            "title",
            "api",
            "source",
            "base_url",
            "default_model",
            "tool_mode",
            "is_demo",
            "is_enabled",
            "key_last4",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def get_key_last4(self, provider: ModelProvider) -> str | None:
        """Return at most the last four characters of the key; empty for a short one."""
        return provider.secret.last4 if provider.secret else None


class ProviderUpdateSerializer(StrictModelSerializer):
    """What may change of a provider that was entered here."""

    base_url = serializers.CharField(max_length=500, help_text="Such as https://api.openai.com/v1")
    api_key = serializers.CharField(
        max_length=MAX_SECRET_CHARS,
        required=False,
        allow_null=True,
        write_only=True,
        help_text="Stored encrypted, sent to this address only, never shown. null takes it away.",
    )

    class Meta:
        model = ModelProvider
        fields: tuple[str, ...] = (
            "title",
            "api",
            "base_url",
            "default_model",
            "tool_mode",
            "is_enabled",
            "api_key",
        )
        # The service answers 409 for a taken name; DRF's own check would make `workspace` required.
        validators: ClassVar[list[Any]] = []


class ProviderCreateSerializer(ProviderUpdateSerializer):
    """A provider to enter."""

    workspace = WorkspaceField(queryset=Workspace.objects.all(), required=False)
    name = serializers.CharField(max_length=64)

    class Meta(ProviderUpdateSerializer.Meta):
        fields = ("workspace", "name", *ProviderUpdateSerializer.Meta.fields)


class SecretSerializer(serializers.ModelSerializer[Secret]):
    """A secret without its value."""

    workspace = serializers.CharField(source="workspace.name", read_only=True)

    class Meta:
        model = Secret
        fields = ("id", "workspace", "name", "origin", "last4", "created_at", "updated_at")
        read_only_fields = fields


class SecretReplaceSerializer(StrictSerializer):
    """A new value for a secret, and where it may go."""

    value = serializers.CharField(max_length=MAX_SECRET_CHARS, write_only=True)
    origin = serializers.CharField(
        max_length=255, help_text="The only server that may receive it: https://host[:port]"
    )


class SecretCreateSerializer(SecretReplaceSerializer):
    """A secret to store."""

    workspace = WorkspaceField(queryset=Workspace.objects.all(), required=False)
    name = serializers.CharField(max_length=64)


class BlobSerializer(serializers.ModelSerializer[Blob]):
    """Stored content."""

    class Meta:
        model = Blob
        fields = ("id", "filename", "media_type", "size_bytes", "sha256", "created_at")
        read_only_fields = fields


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    """Who did what to which object."""

    workspace: Any = serializers.CharField(
        source="workspace.name", read_only=True, default=None, allow_null=True
    )
    actor: Any = serializers.CharField(
        source="actor.username", read_only=True, default=None, allow_null=True
    )
    before = PlainJSONField(read_only=True, allow_null=True)
    after = PlainJSONField(read_only=True, allow_null=True)

    class Meta:
        model = AuditEvent
        fields = (
            "id",
            "created_at",
            "workspace",
            "actor",
            "action",
            "object_type",
            "object_id",
            "object_name",
            "before",
            "after",
        )
        read_only_fields = fields
