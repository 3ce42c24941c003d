"""Addresses of the whole project."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

api = [
    path("", include("workspaces_app.api.urls")),
    path("", include("templates_app.api.urls")),
    path("", include("tools_app.api.urls")),
    path("", include("knowledge_app.api.urls")),
    path("", include("sessions_app.api.urls")),
    path("", include("agents_app.api.urls")),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", admin.site.urls),
    path("api/v1/", include(api)),
    path("api/v1/schema/", SpectacularJSONAPIView.as_view(), name="schema"),
    path("api/v1/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
]

handler404 = "config.common.api.handlers.not_found"
handler500 = "config.common.api.handlers.server_error"
