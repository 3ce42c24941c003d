"""Endpoints of workspaces, members, API tokens, model providers, secrets and the audit trail."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    extend_schema_view,
)
from rest_framework import mixins
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from config.common.api.pagination import CursorPagination
from config.common.api.viewsets import ScopedViewSet
from config.common.errors import NotFound
from workspaces_app.api.filters import AuditEventFilter, ProviderFilter, SecretFilter
from workspaces_app.api.serializers import (
    AuditEventSerializer,
    MemberAddSerializer,
    MemberRoleSerializer,
    MemberSerializer,
    ProviderCreateSerializer,
    ProviderSerializer,
    ProviderUpdateSerializer,
    SecretCreateSerializer,
    SecretReplaceSerializer,
    SecretSerializer,
    TokenCreatedSerializer,
    TokenCreateSerializer,
    TokenSerializer,
    WorkspaceCreateSerializer,
    WorkspaceSerializer,
    WorkspaceUpdateSerializer,
)
from workspaces_app.models import (
    ApiToken,
    AuditEvent,
    Membership,
    ModelProvider,
    Secret,
    Workspace,
)
from workspaces_app.services.access import workspace_named
from workspaces_app.services.members import add_member, change_role, remove_member
from workspaces_app.services.providers import create_provider, delete_provider, update_provider
from workspaces_app.services.secrets import create_secret, delete_secret, store_secret
from workspaces_app.services.tokens import create_token, revoke_token
from workspaces_app.services.workspaces import create_workspace, update_workspace

ADMIN_WRITES: dict[str, str] = {
    "create": "admin",
    "update": "admin",
    "partial_update": "admin",
    "destroy": "admin",
}
"""Tokens need the scope `admin` for these: with less, a token could make itself a stronger one."""

_PROVIDER_EXAMPLE = OpenApiExample(
    "A compatible server",
    request_only=True,
    value={
        "name": "in-house",
        "title": "In-house model",
        "api": "chat_completions",
        "base_url": "https://models.example.com/v1",
        "default_model": "qwen3-32b",
        "api_key": "the key, stored encrypted",
    },
)
_SECRET_EXAMPLE = OpenApiExample(
    "A key for a tool",
    request_only=True,
    value={"name": "weather-key", "value": "the key", "origin": "https://api.example.com"},
)


class TokenPagination(CursorPagination):
    """Tokens have no id of their own: newest first, then by digest."""

    ordering = "-created"
    key = "digest"


@extend_schema_view(
    list=extend_schema(summary="List your workspaces"),
    retrieve=extend_schema(summary="Read a workspace"),
)
class WorkspaceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """Workspaces: the tenants that everything belongs to."""

    queryset = Workspace.objects.all()
    serializer_class = WorkspaceSerializer
    filterset_fields = ("name",)
    search_fields = ("name", "title")
    ordering_fields = ("name", "created_at")
    required_scopes: ClassVar[dict[str, str]] = ADMIN_WRITES

    @override
    def get_queryset(self) -> Any:
        """Add the reader's own role."""
        return super().get_queryset().with_role_of(self.request.user)

    @extend_schema(
        summary="Create a workspace",
        description="Superusers only; you become its administrator.",
        request=WorkspaceCreateSerializer,
        responses={201: WorkspaceSerializer},
    )
    def create(self, request: Request) -> Response:
        """Create a workspace."""
        form = self.valid_input(WorkspaceCreateSerializer)
        workspace = create_workspace(_actor(request), **form)
        return Response(self._fresh(workspace), status=201)

    @extend_schema(
        summary="Change the title of a workspace",
        request=WorkspaceUpdateSerializer,
        responses=WorkspaceSerializer,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the title; the name stays."""
        workspace = self.administered_object()
        form = self.valid_input(WorkspaceUpdateSerializer)
        if form:
            update_workspace(_actor(request), workspace=workspace, **form)
        return Response(self._fresh(workspace))

    def _fresh(self, workspace: Workspace) -> Any:
        """Return the read form of the row with the reader's role."""
        return self.represent(self.get_queryset().get(pk=workspace.pk))


_MEMBER = [
    OpenApiParameter("workspace", OpenApiTypes.UUID, OpenApiParameter.PATH),
    OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH),
]


@extend_schema_view(
    list=extend_schema(summary="List the members of a workspace", parameters=_MEMBER[:1]),
    retrieve=extend_schema(summary="Read a membership", parameters=_MEMBER),
)
class MemberViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """Members of one workspace; its administrators change them."""

    queryset = Membership.objects.select_related("user", "workspace")
    serializer_class = MemberSerializer
    filterset_fields = ("role",)
    search_fields = ("user__username",)
    ordering_fields = ("created_at",)
    required_scopes: ClassVar[dict[str, str]] = ADMIN_WRITES

    @override
    def get_queryset(self) -> Any:
        """Keep the members of the workspace of the address."""
        rows = super().get_queryset()
        return rows.filter(workspace=self._workspace()) if self.kwargs else rows.none()

    @extend_schema(
        summary="Add a member",
        request=MemberAddSerializer,
        responses={201: MemberSerializer},
        parameters=_MEMBER[:1],
    )
    def create(self, request: Request, workspace: str) -> Response:
        """Give a user a role in the workspace."""
        form = self.valid_input(MemberAddSerializer)
        membership = add_member(
            _actor(request),
            workspace=self._workspace(),
            username=form["user"],
            role=form["role"],
        )
        return Response(self.represent(membership), status=201)

    @extend_schema(
        summary="Change the role of a member",
        request=MemberRoleSerializer,
        responses=MemberSerializer,
        parameters=_MEMBER,
    )
    def partial_update(self, request: Request, workspace: str, pk: str) -> Response:
        """Give the member another role."""
        membership = self.administered_object()
        form = self.valid_input(MemberRoleSerializer)
        if form:
            membership = change_role(_actor(request), membership=membership, **form)
        return Response(self.represent(membership))

    @extend_schema(
        summary="Remove a member",
        description="409 for the last administrator.",
        responses={204: None},
        parameters=_MEMBER,
    )
    def destroy(self, request: Request, workspace: str, pk: str) -> Response:
        """Take the member out of the workspace."""
        remove_member(_actor(request), membership=self.administered_object())
        return Response(status=204)

    def _workspace(self) -> Workspace:
        """Return the workspace of the address, of which the reader is a member."""
        try:
            found: Workspace = get_object_or_404(
                Workspace.objects.visible_to(_actor(self.request)), pk=self.kwargs["workspace"]
            )
            return found
        except Http404 as error:
            raise NotFound(
                "There is no such workspace, or you are not a member of it.",
                code="workspace.not_found",
            ) from error


@extend_schema_view(
    list=extend_schema(summary="List your API tokens"),
    retrieve=extend_schema(summary="Read one of your API tokens"),
)
class TokenViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """Your own API tokens. Their values are shown once, when they are made."""

    queryset = ApiToken.objects.all()
    serializer_class = TokenSerializer
    pagination_class = TokenPagination
    search_fields = ("name",)
    ordering_fields = ("created", "last_used_at")
    required_scopes: ClassVar[dict[str, str]] = ADMIN_WRITES

    @override
    def get_object(self) -> Any:
        """Return the token whose beginning is in the address."""
        token = self.get_queryset().filter(token_key=self.kwargs["pk"]).first()
        if token is None:
            raise NotFound("There is no such token of yours.", code="token.not_found")
        return token

    @extend_schema(
        summary="Create an API token",
        description="The answer holds the plain value, which is never shown again.",
        request=TokenCreateSerializer,
        responses={201: TokenCreatedSerializer},
        examples=[
            OpenApiExample(
                "For a script that runs agents",
                request_only=True,
                value={"name": "nightly report", "scopes": ["read", "run"], "lifetime_days": 30},
            )
        ],
    )
    def create(self, request: Request) -> Response:
        """Make a token and show its value this once."""
        form = self.valid_input(TokenCreateSerializer)
        days = form["lifetime_days"]
        token, plain = create_token(
            _actor(request),
            name=form["name"],
            scopes=form["scopes"],
            lifetime=None if days is None else timedelta(days=days),
        )
        answer = {**self.represent(token), "token": plain}
        return Response(answer, status=201, headers={"Cache-Control": "no-store"})

    @extend_schema(summary="Revoke an API token", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the token; requests with it fail from now on."""
        revoke_token(_actor(request), token=self.get_object())
        return Response(status=204)


@extend_schema_view(
    list=extend_schema(summary="List model providers"),
    retrieve=extend_schema(summary="Read a model provider"),
)
class ProviderViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """Model servers. Those from the environment can be read only."""

    queryset = ModelProvider.objects.select_related("workspace", "secret")
    serializer_class = ProviderSerializer
    filterset_class = ProviderFilter
    search_fields = ("name", "title", "default_model")
    ordering_fields = ("name", "created_at")
    required_scopes: ClassVar[dict[str, str]] = ADMIN_WRITES

    @extend_schema(
        summary="Enter a model provider",
        request=ProviderCreateSerializer,
        responses={201: ProviderSerializer},
        examples=[_PROVIDER_EXAMPLE],
    )
    def create(self, request: Request) -> Response:
        """Create a provider."""
        form = self.valid_input(ProviderCreateSerializer)
        workspace = form.pop("workspace", None) or workspace_named(_actor(request), None)
        provider = create_provider(_actor(request), workspace=workspace, **form)
        return Response(self.represent(provider), status=201)

    @extend_schema(
        summary="Change a model provider",
        description="An address on another server needs the key again.",
        request=ProviderUpdateSerializer,
        responses=ProviderSerializer,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the given fields."""
        provider = self.administered_object()
        form = self.valid_input(ProviderUpdateSerializer)
        provider = update_provider(_actor(request), provider=provider, **form)
        return Response(self.represent(provider))

    @extend_schema(
        summary="Delete a model provider",
        description="409 while agents use it.",
        responses={204: None},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the provider."""
        delete_provider(_actor(request), provider=self.administered_object())
        return Response(status=204)


@extend_schema_view(
    list=extend_schema(summary="List secrets"),
    retrieve=extend_schema(summary="Read where a secret may go"),
)
class SecretViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """Secrets of the workspaces that you administer. Values are written and never read."""

    queryset = Secret.objects.select_related("workspace")
    serializer_class = SecretSerializer
    filterset_class = SecretFilter
    search_fields = ("name", "origin")
    ordering_fields = ("name", "created_at", "updated_at")
    required_scopes: ClassVar[dict[str, str]] = ADMIN_WRITES

    @override
    def get_queryset(self) -> Any:
        """Keep what the reader administers; others need not know what is stored."""
        return super().get_queryset().administered_by(self.request.user)

    @extend_schema(
        summary="Store a secret",
        request=SecretCreateSerializer,
        responses={201: SecretSerializer},
        examples=[_SECRET_EXAMPLE],
    )
    def create(self, request: Request) -> Response:
        """Store a secret under a new name."""
        form = self.valid_input(SecretCreateSerializer)
        workspace = form.pop("workspace", None) or workspace_named(_actor(request), None)
        secret = create_secret(_actor(request), workspace=workspace, **form)
        return Response(self.represent(secret), status=201)

    @extend_schema(
        summary="Replace the value of a secret",
        request=SecretReplaceSerializer,
        responses=SecretSerializer,
    )
    def update(self, request: Request, pk: str) -> Response:
        """Replace value and origin."""
        secret = self.get_object()
        form = self.valid_input(SecretReplaceSerializer)
        secret = store_secret(_actor(request), workspace=secret.workspace, name=secret.name, **form)
        return Response(self.represent(secret))

    @extend_schema(
        summary="Delete a secret",
        description="409 while a provider or a tool uses it.",
        responses={204: None},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the secret."""
        delete_secret(_actor(request), secret=self.get_object())
        return Response(status=204)


@extend_schema_view(
    list=extend_schema(summary="List audit events"),
    retrieve=extend_schema(summary="Read an audit event"),
)
class AuditEventViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """What was changed by whom, in the workspaces that you administer; newest first."""

    queryset = AuditEvent.objects.select_related("workspace", "actor")
    serializer_class = AuditEventSerializer
    filterset_class = AuditEventFilter
    search_fields = ("object_name", "action")
    ordering_fields = ("created_at",)
    required_scopes: ClassVar[dict[str, str]] = {"list": "admin", "retrieve": "admin"}

    @override
    def get_queryset(self) -> Any:
        """Keep what the reader administers."""
        return super().get_queryset().administered_by(self.request.user)


def _actor(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user
