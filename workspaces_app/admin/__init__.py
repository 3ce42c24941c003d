"""Console pages of what every floor uses; importing them registers them."""

from workspaces_app.admin.people import GroupAdmin, UserAdmin
from workspaces_app.admin.providers import ModelProviderAdmin, SecretAdmin
from workspaces_app.admin.records import AuditEventAdmin, BlobAdmin
from workspaces_app.admin.tokens import ApiTokenAdmin
from workspaces_app.admin.workspaces import MembershipAdmin, WorkspaceAdmin

__all__ = [
    "ApiTokenAdmin",
    "AuditEventAdmin",
    "BlobAdmin",
    "GroupAdmin",
    "MembershipAdmin",
    "ModelProviderAdmin",
    "SecretAdmin",
    "UserAdmin",
    "WorkspaceAdmin",
]
