"""Agents and runs over HTTP: parse, call one service, answer."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    extend_schema_view,
)
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from agents_app.api.filters import AgentFilter, RunFilter
from agents_app.api.serializers import (
    AgentSerializer,
    AgentVersionSerializer,
    AgentWriteSerializer,
    PublishAgentSerializer,
    RunSerializer,
    StartRunSerializer,
)
from agents_app.models import Agent, AgentVersion, Run
from agents_app.services import definitions, runs
from config.common.api.viewsets import ScopedViewSet
from workspaces_app.services import idempotency

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="A key of yours; a second request with it gets the first one's answer.",
)


@extend_schema_view(
    list=extend_schema(summary="List agents"),
    retrieve=extend_schema(summary="Read an agent"),
)
class AgentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """Agents: a draft each, published versions, and runs."""

    queryset = Agent.objects.select_related("workspace").prefetch_related(
        "tools", "knowledge_bases"
    )
    serializer_class = AgentSerializer
    write_serializer_class = AgentWriteSerializer
    filterset_class = AgentFilter
    search_fields = ("name", "title", "description")
    ordering_fields = ("name", "created_at", "updated_at")
    required_scopes: ClassVar[dict[str, str]] = {"runs": "run"}

    @override
    def get_queryset(self) -> Any:
        """Leave archived agents out of lists unless they are asked for."""
        queryset = super().get_queryset()
        if self.action == "list" and "is_archived" not in self.request.query_params:
            return queryset.active()
        return queryset

    @extend_schema(
        summary="Create an agent", request=AgentWriteSerializer, responses={201: AgentSerializer}
    )
    def create(self, request: Request) -> Response:
        """Create an agent with its draft."""
        agent = definitions.create_agent(self.actor, **self.valid_input())
        return Response(self.represent(agent), status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change the draft of an agent",
        request=AgentWriteSerializer,
        responses=AgentSerializer,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the given fields of the draft."""
        agent = self.editable_object()
        draft = self.valid_input()
        draft.pop("workspace", None)
        return Response(self.represent(definitions.update_agent(self.actor, agent=agent, **draft)))

    @extend_schema(summary="Archive an agent", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Take the agent out of use; its runs stay."""
        definitions.archive_agent(self.actor, agent=self.editable_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Restore an archived agent", request=None, responses=AgentSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Bring an archived agent back."""
        agent = definitions.restore_agent(self.actor, agent=self.editable_object())
        return Response(self.represent(agent))

    @extend_schema(
        summary="Publish the draft as the next version",
        request=PublishAgentSerializer,
        responses={201: AgentVersionSerializer},
    )
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: str) -> Response:
        """Freeze the draft, with everything that it uses pinned."""
        version = definitions.publish_agent(
            self.actor, agent=self.editable_object(), **self.valid_input(PublishAgentSerializer)
        )
        return Response(AgentVersionSerializer(version).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="List the versions of an agent",
        responses=AgentVersionSerializer(many=True),
        filters=False,
    )
    @action(detail=True, filterset_class=None, search_fields=None, ordering_fields=None)
    def versions(self, request: Request, pk: str) -> Response:
        """Return the published versions, newest first."""
        rows = AgentVersion.objects.filter(agent=self.get_object()).select_related("created_by")
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(AgentVersionSerializer(page, many=True).data)

    @extend_schema(
        summary="Start a run",
        request=StartRunSerializer,
        responses={201: RunSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[
            OpenApiExample(
                "Ask a question",
                value={"input": "How do I reset my password?", "variables": {"tone": "friendly"}},
                request_only=True,
            )
        ],
    )
    @action(detail=True, methods=["post"])
    def runs(self, request: Request, pk: str) -> Response:
        """Accept a run and answer at once; follow it through its events."""
        agent = self.runnable_object()

        def start() -> tuple[int, Any]:
            given = self.valid_input(StartRunSerializer)
            run = runs.start_run(
                self.actor,
                agent=agent,
                text=given["input"],
                session=given["session"],
                variables=given["variables"],
                purpose=given["purpose"],
                version_number=given["version"],
            )
            return status.HTTP_201_CREATED, RunSerializer(run).data

        (code, answer), is_replay = idempotency.once(
            self.actor,
            route=f"agents/{agent.pk}/runs",
            key=request.headers.get("Idempotency-Key"),
            body=request.data,
            do=start,
        )
        headers = {"Location": f"/api/v1/runs/{answer['id']}/"}
        if is_replay:
            headers["Idempotency-Replayed"] = "true"
        return Response(answer, status=code, headers=headers)


@extend_schema_view(
    list=extend_schema(summary="List agent versions"),
    retrieve=extend_schema(summary="Read a version of an agent"),
)
class AgentVersionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """Published versions of all agents; they never change."""

    queryset = AgentVersion.objects.select_related("created_by")
    serializer_class = AgentVersionSerializer
    filterset_fields = ("agent", "number")
    ordering_fields = ("created_at",)


@extend_schema_view(
    list=extend_schema(summary="List runs"),
    retrieve=extend_schema(summary="Read a run"),
)
class RunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """Runs: their state and their answer. Events are at `/runs/{id}/events/`."""

    queryset = Run.objects.select_related("workspace", "user", "agent_version__agent").defer(
        "manifest", "checkpoint"
    )
    serializer_class = RunSerializer
    filterset_class = RunFilter
    search_fields = ("input", "output")
    ordering_fields = ("created_at", "finished_at")
    required_scopes: ClassVar[dict[str, str]] = {"cancel": "run"}

    @extend_schema(
        summary="Cancel a run",
        description="A queued run ends at once, a running one within two seconds. Harmless on a"
        " run that is over.",
        request=None,
        responses={202: RunSerializer},
        parameters=[OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Ask for the end of the run."""
        run = runs.cancel_run(self.actor, run=self.get_object())
        return Response(self.represent(run), status=status.HTTP_202_ACCEPTED)
