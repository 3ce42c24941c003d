"""Addresses of this app below `/api/v1/`."""

from rest_framework.routers import SimpleRouter

from sessions_app.api.viewsets import SessionMessageViewSet, SessionViewSet

router = SimpleRouter()
router.register("sessions", SessionViewSet, basename="session")
router.register(
    "sessions/(?P<session_id>[^/.]+)/messages", SessionMessageViewSet, basename="session-message"
)

urlpatterns = router.urls
