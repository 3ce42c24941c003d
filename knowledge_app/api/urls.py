"""Addresses of this app below `/api/v1/`."""

from rest_framework.routers import SimpleRouter

from knowledge_app.api.viewsets import (
    BaseDocumentViewSet,
    DocumentViewSet,
    KnowledgeBaseViewSet,
)

router = SimpleRouter()
router.register("knowledge-bases", KnowledgeBaseViewSet, basename="knowledge-base")
router.register(
    "knowledge-bases/(?P<base_id>[^/.]+)/documents",
    BaseDocumentViewSet,
    basename="knowledge-base-document",
)
router.register("documents", DocumentViewSet, basename="document")

urlpatterns = router.urls
