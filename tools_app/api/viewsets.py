"""Endpoints of tools, their versions and trials, and of the installed functions."""

from dataclasses import asdict
from typing import Any, ClassVar

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from config.common.api.viewsets import ScopedViewSet
from tools_app.api.filters import ToolFilter
from tools_app.api.serializers import (
    DEFINITION_FIELDS,
    ToolCreateSerializer,
    ToolFunctionSerializer,
    ToolSerializer,
    ToolUpdateSerializer,
    ToolVersionSerializer,
    TrialSerializer,
    TrySerializer,
)
from tools_app.domain.definition import Draft
from tools_app.domain.registry import REGISTRY
from tools_app.models import Tool
from tools_app.services import (
    archive_tool,
    create_tool,
    definition_of,
    latest_version,
    restore_tool,
    try_tool,
    update_tool,
)
from workspaces_app.models import Visibility
from workspaces_app.services.access import workspace_named

TAG = ["tools"]
_HTTP_EXAMPLE = OpenApiExample(
    "An HTTP tool",
    request_only=True,
    value={
        "name": "weather",
        "kind": "http",
        "description": "Return the weather forecast of a city.",
        "effect": "read",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Name of the city"},
                "days": {"type": "integer", "minimum": 1, "maximum": 7},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
        "config": {
            "method": "GET",
            "url": "https://api.example.com/cities/{city}/forecast",
            "query": {"days": "{days}"},
        },
    },
)
_FUNCTION_EXAMPLE = OpenApiExample(
    "A Python function",
    request_only=True,
    value={"name": "calculator", "kind": "function", "config": {"function": "calculator"}},
)
_TRY_EXAMPLE = OpenApiExample(
    "Arguments", request_only=True, value={"arguments": {"expression": "6 * 7"}}
)


@extend_schema_view(
    list=extend_schema(summary="List tools", tags=TAG),
    retrieve=extend_schema(summary="Read a tool with its newest definition", tags=TAG),
)
class ToolViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """Tools that agents may call. A changed definition becomes a new version."""

    queryset = Tool.objects.with_latest_version()
    serializer_class = ToolSerializer
    filterset_class = ToolFilter
    search_fields = ("name", "title", "description")
    ordering_fields = ("name", "title", "kind", "created_at", "updated_at")
    required_scopes: ClassVar[dict[str, str]] = {"try_out": "run"}

    @override
    def get_queryset(self) -> Any:
        """Leave archived tools out of lists that do not ask for them."""
        queryset = super().get_queryset().select_related("created_by")
        if self.action == "list" and "archived" not in self.request.query_params:
            return queryset.active()
        return queryset

    @extend_schema(
        summary="Create a tool",
        request=ToolCreateSerializer,
        responses={201: ToolSerializer},
        examples=[_HTTP_EXAMPLE, _FUNCTION_EXAMPLE],
        tags=TAG,
    )
    def create(self, request: Request) -> Response:
        """Create a tool with version 1."""
        form = self.valid_input(ToolCreateSerializer)
        actor = _actor(request)
        tool = create_tool(
            actor,
            workspace=form.get("workspace") or workspace_named(actor, None),
            name=form["name"],
            kind=form["kind"],
            draft=_draft({}, form),
            title=form.get("title", ""),
            visibility=form.get("visibility", Visibility.PRIVATE),
            secret=form.get("secret"),
        )
        return Response(self.represent(tool), status=201)

    @extend_schema(
        summary="Change a tool",
        description="Parts that are left out stay. A changed definition is a new version.",
        request=ToolUpdateSerializer,
        responses=ToolSerializer,
        tags=TAG,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the given parts."""
        tool = self.editable_object()
        self.workspace = tool.workspace
        form = self.valid_input(ToolUpdateSerializer)
        current = asdict(definition_of(latest_version(tool)))
        tool = update_tool(
            _actor(request),
            tool=tool,
            draft=_draft(current, form),
            title=form.get("title", tool.title),
            visibility=form.get("visibility", tool.visibility),
            secret=form.get("secret", tool.secret),
        )
        return Response(self.represent(tool))

    @extend_schema(
        summary="Archive a tool",
        description="Agents that pinned a version keep it; the name becomes free.",
        tags=TAG,
    )
    def destroy(self, request: Request, pk: str) -> Response:
        """Take the tool out of use."""
        archive_tool(_actor(request), tool=self.editable_object())
        return Response(status=204)

    @extend_schema(
        summary="Restore an archived tool", request=None, responses=ToolSerializer, tags=TAG
    )
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Bring the tool back."""
        tool = restore_tool(_actor(request), tool=self.editable_object())
        return Response(self.represent(tool))

    @extend_schema(
        summary="List the versions of a tool",
        responses=ToolVersionSerializer(many=True),
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
        page = self.paginate_queryset(self.get_object().versions.select_related("created_by"))
        return self.get_paginated_response(ToolVersionSerializer(page, many=True).data)

    @extend_schema(
        summary="Call a tool once",
        description="The call is real and has the tool's effect. A tool that fails is a 200 whose"
        " `outcome` says so.",
        request=TrySerializer,
        responses=TrialSerializer,
        examples=[_TRY_EXAMPLE],
        tags=TAG,
    )
    @action(detail=True, methods=["post"], url_path="try")
    def try_out(self, request: Request, pk: str) -> Response:
        """Call the newest version with these arguments."""
        form = self.valid_input(TrySerializer)
        trial = try_tool(_actor(request), tool=self.runnable_object(), arguments=form["arguments"])
        return Response(asdict(trial))

    @override
    def get_serializer_context(self) -> dict[str, Any]:
        """Add the tool's workspace, in which names of secrets are looked up."""
        return {**super().get_serializer_context(), "workspace": getattr(self, "workspace", None)}


class ToolFunctionViewSet(viewsets.ViewSet):
    """Python functions that the operator has installed."""

    @extend_schema(
        summary="List the installed Python functions",
        responses=ToolFunctionSerializer(many=True),
        tags=TAG,
    )
    def list(self, request: Request) -> Response:
        """Return every function, sorted by name, with the schema of its arguments."""
        return Response(ToolFunctionSerializer(REGISTRY.all(), many=True).data)


def _draft(current: dict[str, Any], form: dict[str, Any]) -> Draft:
    """Return the current definition with the given parts of the form laid over it."""
    given = {name: form[name] for name in DEFINITION_FIELDS if name in form}
    return Draft(**{**current, **given})


def _actor(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user
