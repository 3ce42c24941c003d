"""Downloading stored content, always as an attachment."""

from collections.abc import AsyncIterator
from typing import Any

from channels.db import database_sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request

from config.common.api.viewsets import ScopedViewSet
from workspaces_app.api.serializers import BlobSerializer
from workspaces_app.models import Blob
from workspaces_app.services.blobs import read_pieces


class BlobViewSet(ScopedViewSet):
    """Stored content of your workspaces."""

    queryset = Blob.objects.all()
    serializer_class = BlobSerializer

    @extend_schema(
        summary="Download stored content",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(detail=True)
    def content(self, request: Request, pk: str) -> StreamingHttpResponse:
        """Stream the bytes as an attachment, so that no browser runs what somebody uploaded."""
        blob = self.get_object()
        is_async = isinstance(request._request, ASGIRequest)
        pieces: Any = _read_pieces_async(blob) if is_async else read_pieces(blob)
        return StreamingHttpResponse(
            pieces,
            content_type="application/octet-stream",
            headers={
                "Content-Length": str(blob.size_bytes),
                "Content-Disposition": content_disposition_header(
                    as_attachment=True, filename=blob.filename or f"{blob.sha256[:12]}.bin"
                )
                or "attachment",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "sandbox",
                "Cache-Control": "private, max-age=3600, immutable",
            },
        )


async def _read_pieces_async(blob: Blob) -> AsyncIterator[bytes]:
    """Yield the pieces under an asynchronous server, which would collect a plain iterator."""
    pieces = read_pieces(blob)
    while (piece := await database_sync_to_async(next)(pieces, None)) is not None:
        yield piece
