"""Endpoints of templates and their versions."""

from dataclasses import asdict
from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from config.common.api.viewsets import ScopedViewSet
from templates_app.api.filters import TemplateFilter
from templates_app.api.serializers import (
    DraftSerializer,
    PreviewResultSerializer,
    PreviewSerializer,
    PublishSerializer,
    RenderedSerializer,
    TemplateCreateSerializer,
    TemplateSerializer,
    TemplateSummarySerializer,
    ValuesSerializer,
    VersionSerializer,
    VersionSummarySerializer,
)
from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.services import (
    archive_template,
    create_template,
    preview_draft,
    publish_version,
    render_version,
    restore_template,
    update_draft,
)
from workspaces_app.services.access import workspace_named

TAG = ["templates"]
_DRAFT_EXAMPLE = OpenApiExample(
    "A greeting",
    request_only=True,
    value={
        "name": "greeting",
        "title": "Greeting",
        "body": "You greet guests of {{ hotel }}.\n{% if tone %}Be {{ tone }}.{% endif %}",
        "tags": ["support"],
        "variables": [
            {"name": "hotel", "constraints": {"max_length": 80}, "example": "Seaview"},
            {
                "name": "tone",
                "type": "enum",
                "default": "warm",
                "constraints": {"choices": ["warm", "formal"]},
            },
        ],
    },
)
_VALUES_EXAMPLE = OpenApiExample(
    "Values", request_only=True, value={"values": {"hotel": "Seaview", "tone": "formal"}}
)


@extend_schema_view(
    list=extend_schema(summary="List templates", tags=TAG),
    retrieve=extend_schema(summary="Read a template with its draft", tags=TAG),
)
class TemplateViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """Prompt templates: a draft that is edited, and published versions that never change."""

    queryset = PromptTemplate.objects.select_related("workspace", "created_by")
    serializer_class = TemplateSerializer
    filterset_class = TemplateFilter
    search_fields = ("name", "title", "description", "tags")
    ordering_fields = ("name", "title", "created_at", "updated_at", "last_number")
    required_scopes = {"preview": "run"}

    @override
    def get_queryset(self) -> Any:
        """Leave archived templates out of lists that do not ask for them."""
        queryset = super().get_queryset()
        if self.action == "list" and "archived" not in self.request.query_params:
            return queryset.active()
        return queryset.prefetch_related("variables") if self.action == "retrieve" else queryset

    @override
    def get_serializer_class(self) -> Any:
        """Return the short form for lists."""
        return TemplateSummarySerializer if self.action == "list" else TemplateSerializer

    @extend_schema(
        summary="Create a template",
        request=TemplateCreateSerializer,
        responses={201: TemplateSerializer},
        examples=[_DRAFT_EXAMPLE],
        tags=TAG,
    )
    def create(self, request: Request) -> Response:
        """Create a template with its first draft."""
        form = self.valid_input(TemplateCreateSerializer)
        workspace = form.pop("workspace", None) or workspace_named(_actor(request), None)
        template = create_template(_actor(request), workspace=workspace, **form)
        return Response(self.represent(template), status=201)

    @extend_schema(
        summary="Change the draft",
        description="Parts that are left out stay; `variables` replaces the whole list.",
        request=DraftSerializer,
        responses=TemplateSerializer,
        tags=TAG,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the given parts of the draft."""
        form = self.valid_input(DraftSerializer)
        template = update_draft(_actor(request), template=self.editable_object(), **form)
        return Response(self.represent(template))

    @extend_schema(
        summary="Archive a template",
        description="Refused with 409 while other templates refer to one of its versions.",
        tags=TAG,
    )
    def destroy(self, request: Request, pk: str) -> Response:
        """Archive the template; its versions stay for what pins them."""
        archive_template(_actor(request), template=self.editable_object())
        return Response(status=204)

    @extend_schema(
        summary="Restore an archived template",
        request=None,
        responses=TemplateSerializer,
        tags=TAG,
    )
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Bring the template back."""
        template = restore_template(_actor(request), template=self.editable_object())
        return Response(self.represent(template))

    @extend_schema(
        summary="Publish the draft as the next version",
        request=PublishSerializer,
        responses={201: VersionSerializer},
        examples=[OpenApiExample("Note", request_only=True, value={"change_note": "Warmer tone"})],
        tags=TAG,
    )
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: str) -> Response:
        """Freeze the draft."""
        form = self.valid_input(PublishSerializer)
        version = publish_version(_actor(request), template=self.editable_object(), **form)
        return Response(VersionSerializer(version).data, status=201)

    @extend_schema(
        summary="Render the draft, or an unsaved one",
        description="What is wrong comes back as `diagnostics`; `rendered` is null then.",
        request=PreviewSerializer,
        responses=PreviewResultSerializer,
        examples=[_VALUES_EXAMPLE],
        tags=TAG,
    )
    @action(detail=True, methods=["post"])
    def preview(self, request: Request, pk: str) -> Response:
        """Show how the draft looks with these values."""
        form = self.valid_input(PreviewSerializer)
        preview = preview_draft(_actor(request), template=self.runnable_object(), **form)
        return Response(preview.to_json())

    @extend_schema(
        summary="List the versions of a template",
        responses=VersionSummarySerializer(many=True),
        filters=False,
        tags=TAG,
    )
    @action(
        detail=True,
        filterset_class=None,
        search_fields=(),
        ordering_fields=("number", "created_at"),
    )
    def versions(self, request: Request, pk: str) -> Response:
        """Return the versions, newest first."""
        rows = self.get_object().versions.select_related("template__workspace", "created_by")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(VersionSummarySerializer(page, many=True).data)


@extend_schema_view(
    retrieve=extend_schema(summary="Read a version of a template", tags=TAG),
)
class TemplateVersionViewSet(mixins.RetrieveModelMixin, ScopedViewSet):
    """Published versions."""

    queryset = TemplateVersion.objects.select_related("template__workspace", "created_by")
    serializer_class = VersionSerializer
    required_scopes = {"render": "run"}

    @extend_schema(
        summary="Render a version",
        description="Every missing, unknown or ill-typed value is named in a 422.",
        request=ValuesSerializer,
        responses=RenderedSerializer,
        examples=[_VALUES_EXAMPLE],
        tags=TAG,
    )
    @action(detail=True, methods=["post"])
    def render(self, request: Request, pk: str) -> Response:
        """Render with these values."""
        form = self.valid_input(ValuesSerializer)
        rendered = render_version(_actor(request), version=self.runnable_object(), **form)
        return Response(asdict(rendered))


def _actor(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user
