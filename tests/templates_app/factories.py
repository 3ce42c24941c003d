"""Templates for tests, made through the services."""

from typing import Any

from django.contrib.auth.models import User

from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.services import create_template, publish_version
from tests.factories import make_workspace


def variable(name: str, type: str = "string", **members: Any) -> dict[str, Any]:
    """Return a declaration as the API takes it; further members as they are."""
    return {"name": name, "type": type, **members}


def make_template(
    actor: User, name: str = "greeting", *, workspace: Any = None, **draft: Any
) -> PromptTemplate:
    """Return a template whose draft greets somebody, unless told otherwise."""
    if "body" not in draft:
        draft.setdefault("variables", [variable("name", example="Ada")])
    draft.setdefault("body", "Hello {{ name }}!")
    return create_template(actor, workspace=workspace or make_workspace(), name=name, **draft)


def make_version(actor: User, name: str = "greeting", **draft: Any) -> TemplateVersion:
    """Return version 1 of a new template."""
    return publish_version(actor, template=make_template(actor, name, **draft))
