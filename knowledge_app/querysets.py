"""Reads of knowledge bases, documents and chunks."""

from typing import Self

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from config.common.querysets import ScopedQuerySet
from workspaces_app.querysets import OwnedQuerySet


class KnowledgeBaseQuerySet(OwnedQuerySet):
    """Knowledge bases."""

    def with_counts(self) -> Self:
        """Add `document_count`, `ready_count`, `pending_count`, `failed_count`, `chunk_count`.

        `pending_count` are the documents that wait or are being read; `chunk_count` are the chunks
        that can be found.
        """
        return self.annotate(
            document_count=Count("documents"),
            ready_count=Count("documents", filter=Q(documents__state="ready")),
            pending_count=Count("documents", filter=Q(documents__state__in=["queued", "running"])),
            failed_count=Count("documents", filter=Q(documents__state="failed")),
            chunk_count=Coalesce(
                Sum("documents__chunk_count", filter=Q(documents__state="ready")), 0
            ),
        )


class DocumentQuerySet(ScopedQuerySet):  # type: ignore[type-arg]  # the model imports this module
    """Documents, restricted by the rights on their knowledge base."""

    scope_path = "base"


class ChunkQuerySet(ScopedQuerySet):  # type: ignore[type-arg]  # as above
    """Chunks, restricted by the rights on their knowledge base."""

    scope_path = "base"
