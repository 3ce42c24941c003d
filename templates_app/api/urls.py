"""Addresses of this app below `/api/v1/`."""

from rest_framework.routers import SimpleRouter

from templates_app.api.viewsets import TemplateVersionViewSet, TemplateViewSet

router = SimpleRouter()
router.register("templates", TemplateViewSet, basename="template")
router.register("template-versions", TemplateVersionViewSet, basename="template-version")
urlpatterns = router.urls
