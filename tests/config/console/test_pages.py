import re
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.agents_app.admin.scenes import browser_of, finish, make_agent, make_run
from tests.factories import make_user

pytestmark = pytest.mark.django_db

FOREIGN = re.compile(r"""(?:src|href|action)=["'](?:https?:)?//""")
OURS = sorted(
    model._meta.label
    for model in admin.site._registry
    if model._meta.app_label.endswith("_app") or model._meta.app_label == "auth"
)


def list_url(label: str) -> str:
    return reverse(f"admin:{label.replace('.', '_').lower()}_changelist")


def sidebar(client: Client) -> list[str]:
    groups: Any = client.get("/admin/").context["sidebar_navigation"]
    return [item["title"] for group in groups for item in group["items"]]


@pytest.mark.parametrize("label", OURS)
def test_every_list_opens_for_a_superuser_and_loads_nothing_from_elsewhere(label: str) -> None:
    response = browser_of(make_user(superuser=True)).get(list_url(label))
    assert response.status_code == 200
    assert not FOREIGN.search(response.text)


@pytest.mark.parametrize("label", OURS)
def test_every_form_of_a_new_row_opens_or_is_forbidden(label: str) -> None:
    url = reverse(f"admin:{label.replace('.', '_').lower()}_add")
    assert browser_of(make_user(superuser=True)).get(url).status_code in {200, 403}


def test_the_sidebar_of_a_superuser_has_every_task() -> None:
    titles = sidebar(browser_of(make_user(superuser=True)))
    wanted = [
        "Dashboard",
        "Agents",
        "Prompt templates",
        "Tools",
        "Runs",
        "Model providers",
        "Audit",
    ]
    assert [title for title in titles if title in wanted] == wanted


def test_the_role_alone_opens_pages_to_staff() -> None:
    titles = sidebar(browser_of(make_user("eve", role="editor", staff=True)))
    assert "Agents" in titles
    assert "Audit" not in titles
    assert "Users" not in titles


def test_people_without_the_staff_flag_are_sent_to_the_sign_in_page() -> None:
    response = browser_of(make_user("eve", role="admin")).get("/admin/")
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


def test_the_sign_in_page_is_ours_and_keeps_its_policy() -> None:
    response = Client().get("/admin/login/")
    assert "Agent Builder" in response.text
    assert not FOREIGN.search(response.text)
    assert "default-src 'self'" in response["Content-Security-Policy"]


def test_the_palette_finds_what_the_user_may_see() -> None:
    make_agent(make_user(staff=True), "refunds")
    found = browser_of(make_user("bob", staff=True)).get("/admin/search/?s=refund&extended=1")
    assert "Refunds" in found.text
    hidden = browser_of(make_user("eve", role=None, staff=True))
    assert "Refunds" not in hidden.get("/admin/search/?s=refund&extended=1").text


@pytest.mark.parametrize("path", ["agents_app/run/{}/change/", "agents_app/agent/{}/build/"])
def test_foreign_and_missing_objects_look_the_same(path: str) -> None:
    ada = make_user(staff=True)
    agent = make_agent(ada)
    run = finish(make_run(ada, agent))
    own = {"agents_app/run/{}/change/": run.pk, "agents_app/agent/{}/build/": agent.pk}[path]
    eve = browser_of(make_user("eve", role=None, staff=True))
    foreign = eve.get(f"/admin/{path.format(own)}")
    missing = eve.get(f"/admin/{path.format('01a207c4-6294-7531-bfd3-e78e144c3400')}")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.text == missing.text
    assert "This page does not exist" in foreign.text
