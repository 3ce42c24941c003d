"""Jobs of this app; each calls one function in `runtime`."""

from uuid import UUID

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from knowledge_app.runtime import ingest


# A stopped worker or a lost database ends an attempt; a document that cannot be read does not.
@app.task(queue="ingestion", retry=RetryStrategy(max_attempts=10, linear_wait=2))
async def ingest_document(document_id: str) -> None:
    """Read one document; see `knowledge_app.runtime.ingest`."""
    await ingest.ingest_document(UUID(document_id))
