"""Wire forms of knowledge bases, documents, chunks and search results."""

from typing import Any, ClassVar

from rest_framework import serializers

from config.common.api.serializers import StrictModelSerializer, StrictSerializer
from config.common.api.workspace import WorkspaceField
from knowledge_app.domain.content import MAX_TITLE_CHARS
from knowledge_app.models import Chunk, Document, KnowledgeBase
from knowledge_app.runtime.search import MAX_QUERY_CHARS, MAX_RESULTS
from workspaces_app.models import Visibility, Workspace


class KnowledgeBaseSerializer(StrictModelSerializer):
    """A knowledge base with the numbers of its documents."""

    workspace = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)
    reference = serializers.CharField(read_only=True)
    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    document_count = serializers.IntegerField(read_only=True)
    ready_count = serializers.IntegerField(read_only=True)
    pending_count = serializers.IntegerField(
        read_only=True, help_text="Documents that wait or are being read."
    )
    failed_count = serializers.IntegerField(read_only=True)
    chunk_count = serializers.IntegerField(
        read_only=True, help_text="Passages that a search can find."
    )

    class Meta:
        model = KnowledgeBase
        fields: ClassVar[list[str]] = [
            "id",
            "workspace",
            "name",
            "reference",
            "title",
            "description",
            "visibility",
            "language",
            "embedding_model",
            "chunk_tokens",
            "overlap_tokens",
            "document_count",
            "ready_count",
            "pending_count",
            "failed_count",
            "chunk_count",
            "created_by",
            "created_at",
            "updated_at",
            "archived_at",
        ]
        read_only_fields = fields


class KnowledgeBaseUpdateSerializer(StrictSerializer):
    """What can be changed about a base."""

    title = serializers.CharField(max_length=120, allow_blank=True, required=False)
    description = serializers.CharField(max_length=2000, allow_blank=True, required=False)
    visibility = serializers.ChoiceField(choices=Visibility.choices, required=False)


class KnowledgeBaseCreateSerializer(KnowledgeBaseUpdateSerializer):
    """A new base: its place and name, and how documents are cut and indexed."""

    workspace = WorkspaceField(queryset=Workspace.objects.all(), required=False)
    name = serializers.CharField(
        max_length=64, help_text="Lower-case letters, digits and hyphens; unique in its workspace."
    )
    language = serializers.CharField(
        max_length=32,
        required=False,
        help_text="A text search configuration of PostgreSQL, such as `english` or `simple`.",
    )
    chunk_tokens = serializers.IntegerField(
        required=False, min_value=32, max_value=240, help_text="The largest size of a chunk."
    )
    overlap_tokens = serializers.IntegerField(
        required=False, min_value=0, help_text="Less than half of `chunk_tokens`."
    )


class DocumentSerializer(StrictModelSerializer):
    """A document and how far its reading is; the text is at `content/`."""

    base = serializers.PrimaryKeyRelatedField[KnowledgeBase](read_only=True)
    filename = serializers.CharField(source="blob.filename", read_only=True)
    size_bytes = serializers.IntegerField(source="blob.size_bytes", read_only=True)
    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    error = serializers.CharField(read_only=True, help_text="Why it failed and what helps.")

    class Meta:
        model = Document
        fields: ClassVar[list[str]] = [
            "id",
            "base",
            "title",
            "filename",
            "media_type",
            "size_bytes",
            "content_sha256",
            "state",
            "error",
            "chunk_count",
            "created_by",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class DocumentTextSerializer(StrictSerializer):
    """A document as text."""

    title = serializers.CharField(max_length=MAX_TITLE_CHARS)
    text = serializers.CharField(trim_whitespace=False)
    media_type = serializers.ChoiceField(
        choices=["text/markdown", "text/plain"], default="text/markdown"
    )


class DocumentUploadSerializer(StrictSerializer):
    """A document as a file, by `multipart/form-data`."""

    file = serializers.FileField(
        max_length=None, allow_empty_file=True, help_text="UTF-8 text or Markdown, at most 5 MiB."
    )
    title = serializers.CharField(max_length=MAX_TITLE_CHARS, required=False, allow_blank=True)


class ChunkSerializer(StrictModelSerializer):
    """A passage: `text` is exactly the document's `[start:end]`, in code points."""

    class Meta:
        model = Chunk
        fields: ClassVar[list[str]] = ["id", "ordinal", "heading", "text", "start", "end"]
        read_only_fields = fields


class SearchSerializer(StrictSerializer):
    """A question to one base."""

    query = serializers.CharField(max_length=MAX_QUERY_CHARS)
    k = serializers.IntegerField(
        default=6, min_value=1, max_value=MAX_RESULTS, help_text="The most results to return."
    )


class HitSerializer(serializers.Serializer[Any]):
    """A passage that was found, best first."""

    chunk_id = serializers.UUIDField()
    document_id = serializers.UUIDField()
    document_title = serializers.CharField()
    base_id = serializers.UUIDField()
    heading = serializers.CharField(allow_blank=True)
    text = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    score = serializers.FloatField(help_text="The fused rank, 0 to 1; 1 is first in both lists.")
    dense_rank = serializers.IntegerField(allow_null=True, help_text="Place by meaning, from 1.")
    lexical_rank = serializers.IntegerField(allow_null=True, help_text="Place by words, from 1.")
