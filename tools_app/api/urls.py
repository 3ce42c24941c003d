"""Addresses of this app below `/api/v1/`."""

from rest_framework.routers import SimpleRouter

from tools_app.api.viewsets import ToolFunctionViewSet, ToolViewSet

router = SimpleRouter()
router.register("tools", ToolViewSet, basename="tool")
router.register("tool-functions", ToolFunctionViewSet, basename="tool-function")
urlpatterns = router.urls
