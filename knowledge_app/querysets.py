"""Reads of documents and chunks."""

from config.common.querysets import ScopedQuerySet


class DocumentQuerySet(ScopedQuerySet):  # type: ignore[type-arg]  # the model imports this module
    """Documents, restricted by the rights on their knowledge base."""

    scope_path = "base"


class ChunkQuerySet(ScopedQuerySet):  # type: ignore[type-arg]  # as above
    """Chunks, restricted by the rights on their knowledge base."""

    scope_path = "document__base"
