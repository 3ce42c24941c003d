"""Tables that every floor uses; import models from here."""

from workspaces_app.models.audit import AuditEvent
from workspaces_app.models.blobs import Blob, BlobPiece
from workspaces_app.models.idempotency import IdempotencyRecord
from workspaces_app.models.ownership import OwnedModel, Share, Visibility
from workspaces_app.models.providers import ModelProvider, Secret
from workspaces_app.models.tokens import ApiToken, TokenScope
from workspaces_app.models.workspaces import Membership, Workspace

__all__ = [
    "ApiToken",
    "AuditEvent",
    "Blob",
    "BlobPiece",
    "IdempotencyRecord",
    "Membership",
    "ModelProvider",
    "OwnedModel",
    "Secret",
    "Share",
    "TokenScope",
    "Visibility",
    "Workspace",
]
