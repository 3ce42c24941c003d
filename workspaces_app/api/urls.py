"""Addresses of this app below `/api/v1/`."""

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from workspaces_app.api.blobs import BlobViewSet
from workspaces_app.api.viewsets import (
    AuditEventViewSet,
    MemberViewSet,
    ProviderViewSet,
    SecretViewSet,
    TokenViewSet,
    WorkspaceViewSet,
)

router = SimpleRouter()
router.register("workspaces", WorkspaceViewSet, basename="workspace")
router.register("tokens", TokenViewSet, basename="token")
router.register("model-providers", ProviderViewSet, basename="model-provider")
router.register("secrets", SecretViewSet, basename="secret")
router.register("audit-events", AuditEventViewSet, basename="audit-event")
router.register("blobs", BlobViewSet, basename="blob")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path(
        "workspaces/<str:workspace>/members/",
        MemberViewSet.as_view({"get": "list", "post": "create"}),
        name="workspace-member-list",
    ),
    path(
        "workspaces/<str:workspace>/members/<str:pk>/",
        MemberViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="workspace-member-detail",
    ),
]
