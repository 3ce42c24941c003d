"""HTTP access to knowledge bases, their documents and their search."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from config.common.api.parsers import StrictJSONParser
from config.common.api.viewsets import ScopedViewSet
from config.common.errors import NotFound
from knowledge_app import services
from knowledge_app.api.filters import DocumentFilter, KnowledgeBaseFilter
from knowledge_app.api.serializers import (
    ChunkSerializer,
    DocumentSerializer,
    DocumentTextSerializer,
    DocumentUploadSerializer,
    HitSerializer,
    KnowledgeBaseCreateSerializer,
    KnowledgeBaseSerializer,
    KnowledgeBaseUpdateSerializer,
    SearchSerializer,
)
from knowledge_app.domain.content import MAX_DOCUMENT_BYTES
from knowledge_app.models import Chunk, Document, KnowledgeBase
from workspaces_app.services.access import workspace_named
from workspaces_app.services.blobs import read_blob

TAG = ["knowledge"]


@extend_schema_view(
    list=extend_schema(summary="List knowledge bases", tags=TAG),
    retrieve=extend_schema(summary="Read a knowledge base", tags=TAG),
    destroy=extend_schema(summary="Archive a knowledge base", tags=TAG),
)
class KnowledgeBaseViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """Knowledge bases: sets of documents that are cut, embedded and searched in the same way."""

    queryset = KnowledgeBase.objects.with_counts().select_related("workspace", "created_by")
    serializer_class = KnowledgeBaseSerializer
    filterset_class = KnowledgeBaseFilter
    search_fields = ("name", "title", "description")
    ordering_fields = ("created_at", "updated_at", "name")
    required_scopes: ClassVar[dict[str, str]] = {"search": "read"}

    @override
    def get_queryset(self) -> Any:
        """Leave archived bases out of lists that do not ask for them."""
        bases = super().get_queryset()
        if self.action == "list" and "archived" not in self.request.query_params:
            return bases.active()
        return bases

    @extend_schema(
        summary="Create a knowledge base",
        tags=TAG,
        request=KnowledgeBaseCreateSerializer,
        responses={201: KnowledgeBaseSerializer},
    )
    def create(self, request: Request) -> Response:
        """Create an empty knowledge base."""
        values = self.valid_input(KnowledgeBaseCreateSerializer)
        workspace = values.pop("workspace", None) or workspace_named(_actor(request), None)
        base = services.create_base(_actor(request), workspace=workspace, **values)
        return Response(self._represent(base), status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change a knowledge base",
        tags=TAG,
        request=KnowledgeBaseUpdateSerializer,
        responses=KnowledgeBaseSerializer,
    )
    def update(self, request: Request, pk: str) -> Response:
        """Change what people see of a base; what is left out stays."""
        base = services.update_base(
            _actor(request),
            base=self.editable_object(),
            **self.valid_input(KnowledgeBaseUpdateSerializer),
        )
        return Response(self._represent(base))

    @extend_schema(
        summary="Change parts of a knowledge base",
        tags=TAG,
        request=KnowledgeBaseUpdateSerializer,
        responses=KnowledgeBaseSerializer,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change what people see of a base; what is left out stays."""
        return self.update(request, pk)

    def destroy(self, request: Request, pk: str) -> Response:
        """Archive a base: no list and no search shows it any more; its name becomes free."""
        services.archive_base(_actor(request), base=self.editable_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Search a knowledge base",
        tags=TAG,
        request=SearchSerializer,
        responses=HitSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def search(self, request: Request, pk: str) -> Response:
        """Find passages by meaning and words, best first."""
        values = self.valid_input(SearchSerializer)
        hits = services.search(_actor(request), bases=[self.get_object()], **values)
        return Response(HitSerializer(hits, many=True).data)

    def _represent(self, base: KnowledgeBase) -> Any:
        return self.represent(self.get_queryset().get(pk=base.pk))


@extend_schema(
    parameters=[OpenApiParameter("base_id", OpenApiTypes.UUID, OpenApiParameter.PATH)], tags=TAG
)
@extend_schema_view(list=extend_schema(summary="List the documents of a base"))
class BaseDocumentViewSet(mixins.ListModelMixin, ScopedViewSet):
    """The documents of one base."""

    queryset = Document.objects.select_related("blob", "created_by")
    serializer_class = DocumentSerializer
    filterset_class = DocumentFilter
    search_fields = ("title", "blob__filename")
    ordering_fields = ("created_at", "updated_at", "title")
    parser_classes = (StrictJSONParser, MultiPartParser)

    @override
    def get_queryset(self) -> Any:
        """Return the documents of the address's base."""
        documents = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return documents
        return documents.filter(base=self._base())

    @extend_schema(
        summary="Add a document",
        tags=TAG,
        request={
            "application/json": DocumentTextSerializer,
            "multipart/form-data": DocumentUploadSerializer,
        },
        responses={201: DocumentSerializer},
    )
    def create(self, request: Request, base_id: str) -> Response:
        """Add a document, as JSON text or as an uploaded file; reading it starts at once.

        Content that the base already has is not stored again: the answer is the document it has.
        """
        base = self._base()
        if _is_multipart(request):
            values = self.valid_input(DocumentUploadSerializer)
            upload = values["file"]
            document = services.add_document(
                _actor(request),
                base=base,
                # One byte more than allowed is enough for the service to refuse it.
                content=upload.read(MAX_DOCUMENT_BYTES + 1),
                title=values.get("title", ""),
                media_type=upload.content_type or "",
                filename=upload.name or "",
            )
        else:
            values = self.valid_input(DocumentTextSerializer)
            document = services.add_document(
                _actor(request),
                base=base,
                content=values["text"].encode(),
                title=values["title"],
                media_type=values["media_type"],
            )
        return Response(self.represent(document), status=status.HTTP_201_CREATED)

    def _base(self) -> KnowledgeBase:
        bases = KnowledgeBase.objects.visible_to(_actor(self.request)).select_related("workspace")
        try:
            base: KnowledgeBase | None = bases.filter(pk=UUID(self.kwargs["base_id"])).first()
        except ValueError:
            base = None
        if base is None:
            raise NotFound("There is no such object, or you may not see it.")
        return base


@extend_schema_view(
    retrieve=extend_schema(summary="Read a document", tags=TAG),
    destroy=extend_schema(summary="Delete a document", tags=TAG),
)
class DocumentViewSet(mixins.RetrieveModelMixin, ScopedViewSet):
    """A document, its text and its passages."""

    ordering = ("ordinal", "id")  # of the passages, the only list here

    queryset = Document.objects.select_related("blob", "created_by")
    serializer_class = DocumentSerializer

    @override
    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Let `content` answer whatever the client accepts; it is not rendered."""
        return super().perform_content_negotiation(request, force=force or self.action == "content")

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a document with its passages and its content."""
        services.delete_document(_actor(request), document=self.editable_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Read a failed document again", tags=TAG, request=None, responses=DocumentSerializer
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Read a failed document again."""
        document = services.retry_document(_actor(request), document=self.editable_object())
        return Response(self.represent(document))

    @extend_schema(
        summary="List the passages of a document", tags=TAG, responses=ChunkSerializer(many=True)
    )
    @action(detail=True, serializer_class=ChunkSerializer)
    def chunks(self, request: Request, pk: str) -> Response:
        """List the passages in the order of the text."""
        document = self.get_object()
        chunks = Chunk.objects.filter(document=document).defer("embedding", "lexemes")
        page = self.paginate_queryset(chunks)
        return self.get_paginated_response(ChunkSerializer(page, many=True).data)

    @extend_schema(
        summary="Download a document",
        tags=TAG,
        responses={
            (200, "text/plain"): OpenApiResponse(OpenApiTypes.BINARY, "The stored file as it came.")
        },
    )
    @action(detail=True)
    def content(self, request: Request, pk: str) -> HttpResponse:
        """Download the content as it was uploaded."""
        document = self.get_object()
        answer = HttpResponse(read_blob(document.blob), content_type="text/plain; charset=utf-8")
        answer["Content-Disposition"] = content_disposition_header(
            as_attachment=True, filename=document.blob.filename or f"{document.title}.txt"
        )
        # Uploaded text may be a page with scripts; it never runs under this origin.
        answer["Content-Security-Policy"] = "sandbox"
        answer["X-Content-Type-Options"] = "nosniff"
        return answer


def _actor(request: Request) -> User:
    """Return the signed-in user; the permission class let nobody else through."""
    assert isinstance(request.user, User)
    return request.user


def _is_multipart(request: Request) -> bool:
    return str(request.content_type or "").lower().startswith("multipart/")
