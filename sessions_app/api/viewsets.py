"""HTTP access to the conversations of the signed-in user."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.models import User
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from config.common.api.viewsets import ScopedViewSet
from config.common.errors import NotFound
from sessions_app import services
from sessions_app.api.filters import MessageFilter, SessionFilter
from sessions_app.api.serializers import (
    MessageSerializer,
    SessionCreateSerializer,
    SessionSerializer,
    SessionUpdateSerializer,
)
from sessions_app.models import Message, Session
from workspaces_app.services.access import workspace_named

TAG = ["sessions"]


@extend_schema_view(
    list=extend_schema(summary="List your sessions", tags=TAG),
    retrieve=extend_schema(summary="Read a session", tags=TAG),
)
class SessionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """Conversations. Lists hold the user's own; workspace administrators may read others."""

    queryset = Session.objects.select_related("workspace", "user")
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    search_fields = ("title",)
    ordering_fields = ("created_at", "updated_at", "title")
    required_scopes: ClassVar[dict[str, str]] = {
        "create": "run",
        "update": "run",
        "partial_update": "run",
        "destroy": "run",
    }

    @override
    def get_queryset(self) -> Any:
        """List the user's own sessions, archived ones only where they are asked for."""
        sessions = super().get_queryset()
        if self.action != "list":
            return sessions
        sessions = sessions.runnable_by(self.request.user)
        if "archived" in self.request.query_params:
            return sessions
        return sessions.filter(archived_at__isnull=True)

    @extend_schema(
        summary="Create a session",
        request=SessionCreateSerializer,
        responses={201: SessionSerializer},
        tags=TAG,
    )
    def create(self, request: Request) -> Response:
        """Create an empty conversation."""
        actor = _actor(request)
        values = self.valid_input(SessionCreateSerializer)
        workspace = values.pop("workspace", None) or workspace_named(actor, None)
        session = services.create_session(actor, workspace=workspace, **values)
        return Response(self.represent(session), status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Rename a session",
        request=SessionUpdateSerializer,
        responses=SessionSerializer,
        tags=TAG,
    )
    def update(self, request: Request, pk: str) -> Response:
        """Give the conversation another title."""
        values = self.valid_input(SessionUpdateSerializer)
        if not values:
            return Response(self.represent(self.get_object()))
        session = services.rename_session(
            _actor(request), session=self.editable_object(), title=values["title"]
        )
        return Response(self.represent(session))

    @extend_schema(
        summary="Rename a session",
        request=SessionUpdateSerializer,
        responses=SessionSerializer,
        tags=TAG,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Give the conversation another title."""
        return self.update(request, pk)

    @extend_schema(summary="Archive a session", tags=TAG)
    def destroy(self, request: Request, pk: str) -> Response:
        """Take the conversation out of lists; its messages stay readable."""
        services.archive_session(_actor(request), session=self.editable_object())
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(
    parameters=[OpenApiParameter("session_id", OpenApiTypes.UUID, OpenApiParameter.PATH)], tags=TAG
)
@extend_schema_view(list=extend_schema(summary="List the messages of a session"))
class SessionMessageViewSet(mixins.ListModelMixin, ScopedViewSet):
    """The messages of one session, in their order."""

    queryset = Message.objects.all()
    serializer_class = MessageSerializer
    filterset_class = MessageFilter
    ordering = ("sequence", "id")
    ordering_fields = ("sequence",)

    @override
    def get_queryset(self) -> Any:
        """Return the messages of the address's session."""
        if getattr(self, "swagger_fake_view", False):
            return Message.objects.none()
        try:
            key = UUID(self.kwargs["session_id"])
        except ValueError:
            key = None
        session = (
            Session.objects.visible_to(_actor(self.request)).filter(pk=key).first() if key else None
        )
        if session is None:
            raise NotFound("There is no such object, or you may not see it.")
        return Message.objects.filter(session=session)


def _actor(request: Request) -> User:
    """Return the signed-in user; the permission class let nobody else through."""
    assert isinstance(request.user, User)
    return request.user
