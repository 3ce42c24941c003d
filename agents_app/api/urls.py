"""Addresses of agents and runs below `/api/v1/`."""

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from agents_app.api.events import RunEventsView
from agents_app.api.viewsets import AgentVersionViewSet, AgentViewSet, RunViewSet

router = SimpleRouter()
router.register("agents", AgentViewSet, basename="agent")
router.register("agent-versions", AgentVersionViewSet, basename="agent-version")
router.register("runs", RunViewSet, basename="run")

urlpatterns: list[URLPattern | URLResolver] = [
    path("runs/<uuid:pk>/events/", RunEventsView.as_view(), name="run-events"),
    *router.urls,
]
