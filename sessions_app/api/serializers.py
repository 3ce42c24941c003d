"""Wire forms of sessions and messages."""

from typing import Any, ClassVar

from rest_framework import serializers

from config.common.api.serializers import PlainJSONField, StrictModelSerializer, StrictSerializer
from config.common.api.workspace import WorkspaceField
from sessions_app.models import Message, Session
from workspaces_app.models import Workspace


class SessionSerializer(StrictModelSerializer):
    """A conversation; its messages are at `messages/`."""

    workspace = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)
    user = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    last_sequence = serializers.IntegerField(
        read_only=True, help_text="The number of messages; sequences begin at 1 without gaps."
    )

    class Meta:
        model = Session
        fields: ClassVar[list[str]] = [
            "id",
            "workspace",
            "user",
            "title",
            "last_sequence",
            "created_at",
            "updated_at",
            "archived_at",
        ]
        read_only_fields = fields


class SessionUpdateSerializer(StrictSerializer):
    """What can be changed about a session."""

    title = serializers.CharField(max_length=160, allow_blank=True)


class SessionCreateSerializer(StrictSerializer):
    """A new, empty conversation."""

    workspace = WorkspaceField(queryset=Workspace.objects.all(), required=False)
    title = serializers.CharField(max_length=160, allow_blank=True, required=False)


class MessageSerializer(StrictModelSerializer):
    """One item of a conversation; `content` has the shape of its `kind`."""

    content = PlainJSONField(read_only=True)

    class Meta:
        model = Message
        fields: ClassVar[list[str]] = [
            "id",
            "sequence",
            "kind",
            "run_id",
            "step",
            "content",
            "created_at",
        ]
        read_only_fields = fields
