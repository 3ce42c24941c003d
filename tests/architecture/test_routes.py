"""Every address of the API asks who is there, and shows what they may see."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.views.generic import RedirectView
from rest_framework.views import APIView

from config.common.api.permissions import HasScope
from config.common.api.viewsets import ScopedViewSet

NOT_SCOPED = {
    # Public: addresses and forms, no data of anybody.
    "SpectacularJSONAPIView": "the schema",
    "SpectacularSwaggerView": "the page over the schema",
    # Needs a signed-in user; fetches its run by a service that answers 404 to strangers.
    "RunEventsView": "agents_app.services.runs.require_run",
    # Needs a signed-in user; lists what the operator installed, the same for everybody.
    "ToolFunctionViewSet": "the registry of functions",
}
PUBLIC = {"SpectacularJSONAPIView", "SpectacularSwaggerView"}


def routes(patterns: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, address)
        elif isinstance(pattern, URLPattern):
            callback: Any = pattern.callback
            yield address, getattr(callback, "cls", getattr(callback, "view_class", callback))


API = [
    (address, view)
    for address, view in routes(get_resolver().url_patterns)
    if address.startswith("api/")
]
SCOPED = sorted(
    {view for _, view in API if view.__name__ not in NOT_SCOPED}, key=lambda view: view.__name__
)


def test_the_api_is_found() -> None:
    assert len(API) > 40
    assert {view.__name__ for _, view in API} >= set(NOT_SCOPED)


def test_nothing_but_the_console_and_the_api_has_an_address() -> None:
    others = {
        address: view
        for address, view in routes(get_resolver().url_patterns)
        if not address.startswith(("api/", "admin/"))
    }
    assert others == {"": RedirectView}


@pytest.mark.parametrize(("address", "view"), API, ids=[address for address, _ in API])
def test_every_address_asks_who_is_there(address: str, view: type[APIView]) -> None:
    assert view.__name__ in PUBLIC or HasScope in view.permission_classes


@pytest.mark.parametrize("view", SCOPED, ids=lambda view: view.__name__)
def test_every_view_reads_through_the_rights_of_the_actor(view: type[Any]) -> None:
    assert issubclass(view, ScopedViewSet)
    own = inspect.getsource(view.get_queryset)
    assert "super().get_queryset()" in own or ".visible_to(" in own


@pytest.mark.parametrize("view", SCOPED, ids=lambda view: view.__name__)
def test_every_queryset_knows_the_rights_of_an_actor(view: type[Any]) -> None:
    assert callable(view.queryset.visible_to)


@pytest.mark.parametrize("view", SCOPED, ids=lambda view: view.__name__)
def test_required_scopes_name_actions_of_the_view(view: type[Any]) -> None:
    unknown = {action for action in view.required_scopes if not hasattr(view, action)}
    assert unknown - {"create", "update", "partial_update", "destroy"} == set()
