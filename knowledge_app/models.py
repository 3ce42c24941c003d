"""Knowledge bases: documents, and the chunks of text that search finds."""

from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from pgvector.django import HalfVectorField, HnswIndex
from typing_extensions import override

from config.common.models import BaseModel
from knowledge_app.querysets import ChunkQuerySet, DocumentQuerySet, KnowledgeBaseQuerySet
from workspaces_app.models import Blob, OwnedModel, Share

EMBEDDING_DIM = 384


class KnowledgeBase(OwnedModel):
    """A set of documents that are embedded and searched in the same way."""

    embedding_model = models.CharField(max_length=120, default="all-minilm-l6-v2", editable=False)
    language = models.CharField(max_length=32, default="english")
    """A PostgreSQL text search configuration."""
    chunk_tokens = models.PositiveIntegerField(
        default=200, validators=[MinValueValidator(32), MaxValueValidator(240)]
    )
    """The largest size of a chunk; the embedding model reads at most 256 tokens."""
    overlap_tokens = models.PositiveIntegerField(default=30)
    """How much of a chunk the next one may repeat; less than half of `chunk_tokens`."""

    objects = KnowledgeBaseQuerySet.as_manager()  # type: ignore[misc]  # the base declares it for the class

    class Meta(OwnedModel.Meta):
        verbose_name = "knowledge base"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedModel.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(overlap_tokens__lt=models.F("chunk_tokens") / 2),
                name="overlap_is_less_than_half_a_chunk",
                violation_error_message="The overlap must be less than half of the chunk size.",
            ),
        ]


class Document(BaseModel):
    """One source text of a base, with the state of its ingestion."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Being read"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    base = models.ForeignKey(KnowledgeBase, models.CASCADE, related_name="documents")
    title = models.CharField(max_length=200)
    media_type = models.CharField(max_length=120, default="text/markdown")
    blob = models.ForeignKey(Blob, models.PROTECT, related_name="+")
    content_sha256 = models.CharField(max_length=64)
    """Digest of the content in hexadecimal; the same content is kept once in a base."""
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    error = models.CharField(max_length=500, blank=True)
    """Why the ingestion failed and what helps; empty in every other state."""
    chunk_count = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["base", "content_sha256"], name="content_is_stored_once_per_base"
            ),
            models.CheckConstraint(
                condition=models.Q(state="failed") ^ models.Q(error=""),
                name="only_a_failed_document_has_an_error",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["base", "-id"], name="document_by_base"),
        ]

    @override
    def __str__(self) -> str:
        return self.title


class Chunk(BaseModel):
    """A passage of a document, with its place in the text and its embedding."""

    document = models.ForeignKey(Document, models.CASCADE, related_name="chunks")
    base = models.ForeignKey(KnowledgeBase, models.CASCADE, related_name="+", editable=False)
    """The document's base once more, so that search filters without a join."""
    ordinal = models.PositiveIntegerField()
    text = models.TextField()
    heading = models.CharField(max_length=300, blank=True)
    """The headings above the passage, joined by ` › `."""
    start = models.PositiveIntegerField()
    """Offset of the first character in the document's text, in code points."""
    end = models.PositiveIntegerField()
    """Offset after the last character: `text` is exactly the document's `[start:end]`."""
    embedding: Any = HalfVectorField(dimensions=EMBEDDING_DIM)
    """Unit length, so that the inner product is the cosine."""
    lexemes = SearchVectorField()

    objects = ChunkQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["document", "ordinal"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["document", "ordinal"], name="chunks_are_numbered"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            HnswIndex(
                name="chunk_embedding_hnsw",
                fields=["embedding"],
                m=16,
                ef_construction=64,
                opclasses=["halfvec_ip_ops"],
            ),
            GinIndex(name="chunk_lexemes_gin", fields=["lexemes"]),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.document} #{self.ordinal}"


class KnowledgeBaseShare(Share):
    """A role on one knowledge base for one user or group."""

    object = models.ForeignKey(KnowledgeBase, models.CASCADE, related_name="shares")

    class Meta(Share.Meta):
        pass
