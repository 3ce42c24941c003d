"""Agents and runs for tests, made through the services."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User

from agents_app.models import Agent, Run
from agents_app.services.definitions import create_agent, publish_agent
from agents_app.services.runs import start_run
from templates_app.models import TemplateVersion
from templates_app.services import create_template, publish_version
from tests.factories import make_workspace
from tools_app.domain.definition import Draft
from tools_app.models import Tool
from tools_app.services import create_tool
from workspaces_app.models import ModelProvider, Workspace


def make_provider(
    workspace: Workspace | None = None,
    *,
    base_url: str = "http://127.0.0.1:9/v1",
    api: str = "chat_completions",
    model: str = "fake-echo",
    name: str = "fake",
) -> ModelProvider:
    """Return a provider row that needs no key."""
    return ModelProvider.objects.create(
        workspace=workspace or make_workspace(),
        name=name,
        api=api,
        base_url=base_url,
        default_model=model,
    )


def make_template_version(
    user: User, *, name: str = "greeting", body: str = "Be kind.", variables: Sequence[Any] = ()
) -> TemplateVersion:
    """Return version 1 of a new template."""
    template = create_template(
        user, workspace=make_workspace(), name=name, body=body, variables=list(variables)
    )
    return publish_version(user, template=template)


def make_calculator(user: User, *, name: str = "calculator") -> Tool:
    """Return a tool over the built-in calculator."""
    return create_tool(
        user,
        workspace=make_workspace(),
        name=name,
        kind="function",
        draft=Draft(config={"function": "calculator"}),
    )


def make_agent(user: User, *, name: str = "helper", publish: bool = True, **draft: Any) -> Agent:
    """Return an agent, published unless told otherwise; missing parts are made."""
    if "instructions" not in draft:
        draft["instructions"] = make_template_version(user, name=f"{name}-instructions")
    if "provider" not in draft:
        draft["provider"] = make_provider(name=f"{name}-provider")
    agent = create_agent(user, workspace=make_workspace(), name=name, **draft)
    if publish:
        publish_agent(user, agent=agent)
        agent.refresh_from_db()
    return agent


def make_run(user: User, *, agent: Agent | None = None, text: str = "Hello", **given: Any) -> Run:
    """Return an accepted run."""
    return start_run(user, agent=agent or make_agent(user), text=text, **given)
