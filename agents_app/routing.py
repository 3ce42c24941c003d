"""Addresses of the websockets."""

from django.urls import path

from agents_app.consumers import RunSocket, SessionSocket

websocket_urlpatterns = [
    path("ws/runs/<uuid:run_id>/", RunSocket.as_asgi()),
    path("ws/sessions/new/", SessionSocket.as_asgi()),
    path("ws/sessions/<uuid:session_id>/", SessionSocket.as_asgi()),
]
