"""A template saved through the console and through the API is checked by the same rules."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from templates_app.domain.form_texts import texts_from_declaration
from templates_app.models import PromptTemplate
from templates_app.services import variables_of
from tests.factories import make_user, make_workspace
from tests.templates_app.factories import make_template, variable

pytestmark = pytest.mark.django_db


def through_the_api(actor: User, draft: dict[str, Any]) -> bool:
    """Save a new template; return whether it was accepted."""
    client = APIClient()
    client.force_authenticate(actor)
    response = client.post("/api/v1/templates/", draft, format="json")
    assert response.status_code in {201, 400, 409, 422}, response.content
    return response.status_code == 201


def through_the_console(actor: User, draft: dict[str, Any]) -> bool:
    client = Client()
    client.force_login(actor)
    response = client.post("/admin/templates_app/prompttemplate/add/", form_of(draft))
    assert response.status_code in {200, 302}, response.content
    return response.status_code == 302


def form_of(draft: dict[str, Any]) -> dict[str, Any]:
    rows = draft.get("variables", [])
    form = {
        "workspace": str(make_workspace().pk),
        "name": draft.get("name", ""),
        "title": draft.get("title", ""),
        "description": draft.get("description", ""),
        "tags": ", ".join(draft.get("tags", [])),
        "visibility": draft.get("visibility", "private"),
        "body": draft.get("body", ""),
        "variables-TOTAL_FORMS": str(len(rows)),
        "variables-INITIAL_FORMS": "0",
    }
    for index, row in enumerate(rows):
        full = {"required": True, "default": None, "description": "", "example": None}
        texts = texts_from_declaration({"constraints": {}, "type": "string", **full, **row})
        for name, text in texts.items():
            if text is not False:
                form[f"variables-{index}-{name}"] = "on" if text is True else text
    return form


PATHS = pytest.mark.parametrize(
    "save", [through_the_api, through_the_console], ids=["api", "console"]
)


@PATHS
@pytest.mark.parametrize(
    "draft",
    [
        {"name": "plain", "body": "Hello world"},
        {"name": "unfinished", "body": "{% if x %}"},
        {"name": "empty"},
        {
            "name": "full",
            "title": "Full",
            "description": "All of it",
            "body": " {{ city }}\n",
            "tags": ["b", "a"],
            "visibility": "public",
            "variables": [
                variable(
                    "city", constraints={"min_length": 2, "max_length": 9, "pattern": "[A-Z].*"}
                ),
                variable("age", "integer", default=3, constraints={"min": 1}),
                variable("share", "number", example=0.5, constraints={"max": 1.5}),
                variable("is_new", "boolean", default=False),
                variable("size", "enum", required=False, constraints={"choices": ["S", "M"]}),
                variable("day", "date", example="2026-11-23"),
                variable("items", "list", default=["a", "b"], constraints={"max_length": 4}),
                variable("notes", "text", example="two\nlines"),
            ],
        },
    ],
    ids=lambda draft: draft["name"],
)
def test_good_drafts_are_stored_alike(save: Any, draft: dict[str, Any]) -> None:
    assert save(make_user(superuser=True), draft)
    template = PromptTemplate.objects.get()
    assert template.body == draft.get("body", "")
    assert template.tags == sorted(draft.get("tags", []))
    assert template.visibility == draft.get("visibility", "private")
    defaults: dict[str, Any] = {
        "required": True,
        "default": None,
        "description": "",
        "example": None,
        "constraints": {},
    }
    assert variables_of(template) == [defaults | row for row in draft.get("variables", [])]


@PATHS
@pytest.mark.parametrize(
    "draft",
    [
        {"name": ""},
        {"name": "Not a name"},
        {"name": "a" * 65},
        {"name": "taken"},
        {"name": "x", "title": "t" * 121},
        {"name": "x", "description": "d" * 2001},
        {"name": "x", "visibility": "secret"},
        {"name": "x", "tags": ["a" * 41]},
        {"name": "x", "tags": ["a;b"]},
        {"name": "x", "tags": [f"tag{i}" for i in range(21)]},
        {"name": "x", "body": "a" * 65_537},
        {"name": "x", "body": "a\0b"},
        {"name": "x", "body": "\u202ehidden"},
        {"name": "x", "variables": [variable("loop")]},
        {"name": "x", "variables": [variable("Upper")]},
        {"name": "x", "variables": [variable("a"), variable("a")]},
        {"name": "x", "variables": [variable("a", "surprise")]},
        {"name": "x", "variables": [variable("a", "enum")]},
        {"name": "x", "variables": [variable("a", "boolean", constraints={"min": 1})]},
        {"name": "x", "variables": [variable("a", "integer", constraints={"min": 3, "max": 2})]},
        {"name": "x", "variables": [variable("a", "integer", default="three")]},
        {"name": "x", "variables": [variable("a", constraints={"pattern": "(?=a)"})]},
        {"name": "x", "variables": [variable("a", "date", example="2026-02-30")]},
        {"name": "x", "variables": [variable("a", constraints={"max_length": 3}, default="long")]},
    ],
    ids=lambda draft: json.dumps(draft)[:70],
)
def test_bad_drafts_are_refused_alike(save: Any, draft: dict[str, Any]) -> None:
    actor = make_user(superuser=True)
    make_template(actor, "taken")
    assert not save(actor, draft)
    assert PromptTemplate.objects.count() == 1
