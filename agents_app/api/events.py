"""The events of a run over HTTP: a page of the log, or a stream that follows it."""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import orjson
from django.contrib.auth.models import User
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from agents_app.api.serializers import RunEventSerializer
from agents_app.runtime.follow import follow_run
from agents_app.runtime.frames import Cursor, DeltaFrame, parse_cursor
from agents_app.runtime.log import read_events_now
from agents_app.services.runs import require_run
from config.common.api.renderers import JSONRenderer

PAGE = 200
RETRY_MS = 1_000


class EventStreamRenderer(BaseRenderer):
    """Lets a browser's `EventSource` negotiate its media type; the view streams by itself."""

    media_type = "text/event-stream"
    format = "sse"
    charset = None

    @override
    def render(
        self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None
    ) -> bytes:
        """Return a problem as JSON: only errors come through here."""
        return orjson.dumps(data)


class RunEventsView(APIView):
    """`GET /api/v1/runs/{id}/events/`: JSON pages, or server-sent events from the same log."""

    renderer_classes = (JSONRenderer, EventStreamRenderer)

    @extend_schema(
        operation_id="runs_events",
        summary="Read or follow the events of a run",
        description=(
            "With `Accept: text/event-stream` the answer is a stream that ends with the run. Every"
            " frame's `id` is the cursor `seq:offset`; send it as `Last-Event-ID` to go on without"
            " a gap or a repetition; a cursor at the end of a run is answered with 204."
            " Otherwise the answer is a page of at most 200 events."
        ),
        parameters=[
            OpenApiParameter("after", str, description="A cursor: `seq` or `seq:offset`."),
            OpenApiParameter("Last-Event-ID", str, OpenApiParameter.HEADER),
        ],
        responses={
            (200, "application/json"): RunEventSerializer(many=True),
            (200, "text/event-stream"): str,
            204: None,
        },
    )
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Answer in the form that the client accepts."""
        assert isinstance(request.user, User)  # the permission class let nobody else through
        run = require_run(request.user, pk)
        raw = request.headers.get("Last-Event-ID") or request.query_params.get("after") or "0"
        after = parse_cursor(raw)
        accepted: Any = request.accepted_renderer
        if accepted.format == "sse":
            if run.is_over and after.seq >= run.last_seq:
                # The one answer after which an `EventSource` does not connect again.
                return HttpResponse(status=204)
            return StreamingHttpResponse(
                stream_events(run.pk, after),
                content_type="text/event-stream",
                headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
            )
        events = read_events_now(run.pk, after.seq, limit=PAGE)
        return Response([orjson.loads(event.encode()) for event in events])


async def stream_events(run_id: UUID, after: Cursor) -> AsyncGenerator[bytes, None]:
    """Yield server-sent events until the run is over."""
    yield b"retry: %d\n\n" % RETRY_MS
    async for frame, cursor in follow_run(run_id, after):
        if isinstance(frame, DeltaFrame):
            kind, data = "message.delta", frame.encode(cursor.seq)
        else:
            kind, data = frame.type, frame.encode()
        yield b"id: %s\nevent: %s\ndata: %s\n\n" % (str(cursor).encode(), kind.encode(), data)
