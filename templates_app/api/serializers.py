"""Wire forms of templates, their variables and versions."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.common.api.serializers import PlainJSONField, StrictModelSerializer, StrictSerializer
from config.common.api.workspace import WorkspaceField
from templates_app.domain.declarations import parse_declarations
from templates_app.domain.schema import json_schema
from templates_app.domain.source import MAX_BODY_CHARS
from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.services import variables_of
from workspaces_app.models import Visibility, Workspace


class AnyJSON(PlainJSONField):
    """Any JSON value."""


class VariableSerializer(StrictSerializer):
    """One declaration; what its members mean together is checked by the domain."""

    name = serializers.CharField(max_length=64)
    type = serializers.ChoiceField(
        choices=["string", "text", "integer", "number", "boolean", "enum", "date", "list"],
        default="string",
    )
    required = serializers.BooleanField(default=True)  # type: ignore[assignment]  # a field, not the option
    default = AnyJSON(
        default=None, allow_null=True, help_text="Taken when the value is left out; null: none."
    )
    description = serializers.CharField(max_length=300, default="", allow_blank=True)
    example = AnyJSON(default=None, allow_null=True)
    constraints = serializers.DictField(
        child=AnyJSON(),
        default=dict,
        help_text="`min`, `max`, `min_length`, `max_length`, `pattern`, `choices`, by type.",
    )


class DraftSerializer(StrictSerializer):
    """What can be changed about a draft."""

    title = serializers.CharField(max_length=120, allow_blank=True, required=False)
    description = serializers.CharField(max_length=2000, allow_blank=True, required=False)
    body = serializers.CharField(
        max_length=MAX_BODY_CHARS,
        allow_blank=True,
        trim_whitespace=False,
        required=False,
        help_text="Jinja syntax. `{% extends 'name@3' %}` pins a published version.",
    )
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=20, required=False
    )
    visibility = serializers.ChoiceField(choices=Visibility.choices, required=False)
    variables = VariableSerializer(many=True, required=False, max_length=200)  # type: ignore[call-arg]  # of the list


class TemplateCreateSerializer(DraftSerializer):
    """A new template: its place and name, then the draft."""

    workspace = WorkspaceField(queryset=Workspace.objects.all(), required=False)
    name = serializers.CharField(
        max_length=64, help_text="Lower-case letters, digits and hyphens; unique in its workspace."
    )


class TemplateSummarySerializer(StrictModelSerializer):
    """A template in a list: without its text."""

    workspace: Any = serializers.SlugRelatedField(slug_field="name", read_only=True)
    reference = serializers.CharField(read_only=True)
    created_by: Any = serializers.SlugRelatedField(slug_field="username", read_only=True)

    class Meta:
        model = PromptTemplate
        fields: ClassVar[list[str]] = [
            "id",
            "workspace",
            "name",
            "reference",
            "title",
            "description",
            "tags",
            "visibility",
            "last_number",
            "created_by",
            "created_at",
            "updated_at",
            "archived_at",
        ]
        read_only_fields = fields


class TemplateSerializer(TemplateSummarySerializer):
    """A template with its draft."""

    variables = serializers.SerializerMethodField()

    class Meta(TemplateSummarySerializer.Meta):
        fields: ClassVar[list[str]] = [*TemplateSummarySerializer.Meta.fields, "body", "variables"]
        read_only_fields = fields

    @extend_schema_field(VariableSerializer(many=True))
    def get_variables(self, template: PromptTemplate) -> list[dict[str, Any]]:
        """Return the declarations of the draft."""
        return variables_of(template)


class VersionSummarySerializer(StrictModelSerializer):
    """A version in a list: without its text."""

    template = serializers.PrimaryKeyRelatedField[PromptTemplate](read_only=True)
    parent: Any = serializers.PrimaryKeyRelatedField[TemplateVersion](read_only=True)
    reference = serializers.CharField(read_only=True)
    created_by: Any = serializers.SlugRelatedField(slug_field="username", read_only=True)

    class Meta:
        model = TemplateVersion
        fields: ClassVar[list[str]] = [
            "id",
            "template",
            "reference",
            "number",
            "parent",
            "content_sha256",
            "change_note",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields


class VersionSerializer(VersionSummarySerializer):
    """A published version, with the variables of its whole chain."""

    variables = VariableSerializer(many=True, read_only=True)
    json_schema = serializers.SerializerMethodField()

    class Meta(VersionSummarySerializer.Meta):
        fields: ClassVar[list[str]] = [
            *VersionSummarySerializer.Meta.fields,
            "body",
            "variables",
            "json_schema",
        ]
        read_only_fields = fields

    def get_json_schema(self, version: TemplateVersion) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of the values that the version takes."""
        return json_schema(parse_declarations(version.variables))


class PublishSerializer(StrictSerializer):
    """What goes with a new version."""

    change_note = serializers.CharField(max_length=300, allow_blank=True, default="")


class ValuesSerializer(StrictSerializer):
    """Values to render with."""

    values = serializers.DictField(child=AnyJSON(), default=dict)


class PreviewSerializer(ValuesSerializer):
    """Values, and optionally an unsaved draft in place of the stored one."""

    body = serializers.CharField(
        max_length=MAX_BODY_CHARS, allow_blank=True, trim_whitespace=False, required=False
    )
    variables = VariableSerializer(many=True, required=False, max_length=200)  # type: ignore[call-arg]  # of the list


class ChainEntrySerializer(StrictSerializer):
    """One template that took part in a render."""

    reference = serializers.CharField()
    version_id = serializers.UUIDField(allow_null=True)


class RenderedSerializer(StrictSerializer):
    """A rendered text and what it was made from."""

    text = serializers.CharField()
    content_sha256 = serializers.CharField(help_text="Of the text.")
    template_sha256 = serializers.CharField(help_text="Of the template with its whole chain.")
    chain = ChainEntrySerializer(many=True)


class DiagnosticSerializer(StrictSerializer):
    """Something to tell the author; lines and columns count from 1."""

    severity = serializers.ChoiceField(choices=["error", "warning"])
    code = serializers.CharField()
    detail = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)
    column = serializers.IntegerField(allow_null=True)
    name = serializers.CharField(allow_null=True)


class PreviewResultSerializer(StrictSerializer):
    """How a draft looks, and what is wrong with it."""

    rendered = RenderedSerializer(allow_null=True)
    diagnostics = DiagnosticSerializer(many=True)
    variables = VariableSerializer(many=True)
    json_schema = serializers.DictField()
