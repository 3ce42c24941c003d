"""Keeping and reading bytes in PostgreSQL."""

import hashlib
from collections.abc import Iterator

from django.contrib.auth.models import User
from django.db import transaction

from workspaces_app.models import Blob, BlobPiece, Workspace
from workspaces_app.models.blobs import PIECE_BYTES


@transaction.atomic
def store_blob(
    workspace: Workspace,
    content: bytes,
    *,
    media_type: str,
    filename: str = "",
    actor: User | None = None,
) -> Blob:
    """Store `content` in pieces and return its row."""
    blob = Blob.objects.create(
        workspace=workspace,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        media_type=media_type,
        filename=filename,
        created_by=actor,
    )
    BlobPiece.objects.bulk_create(
        BlobPiece(blob=blob, index=index, content=content[start : start + PIECE_BYTES])
        for index, start in enumerate(range(0, len(content), PIECE_BYTES))
    )
    return blob


def read_pieces(blob: Blob) -> Iterator[bytes]:
    """Yield the content piece by piece, one query each, so that memory stays bounded."""
    pieces = -(-blob.size_bytes // PIECE_BYTES)
    for index in range(pieces):
        yield bytes(BlobPiece.objects.get(blob=blob, index=index).content)


def read_blob(blob: Blob) -> bytes:
    """Return the whole content."""
    return b"".join(read_pieces(blob))
