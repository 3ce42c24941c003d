"""Agents and runs for the tests of the console, made through the services."""

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from agents_app.models import Agent, Run, RunEvent
from agents_app.services.definitions import create_agent, publish_agent
from agents_app.services.runs import start_run
from templates_app.models import TemplateVersion
from templates_app.services import create_template, publish_version
from tests.factories import make_workspace
from workspaces_app.models import ModelProvider

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_provider(name: str = "server", **fields: Any) -> ModelProvider:
    return ModelProvider.objects.create(
        **{
            "workspace": make_workspace(),
            "name": name,
            "title": name.title(),
            "base_url": "https://models.example.org/v1",
            "default_model": "orion",
            **fields,
        }
    )


def make_instructions(actor: User, name: str = "voice", body: str = "Be kind.") -> TemplateVersion:
    names = ["product"] if "product" in body else []
    template = create_template(
        actor,
        workspace=make_workspace(),
        name=name,
        title=name.title(),
        body=body,
        variables=[{"name": each, "type": "string", "required": True} for each in names],
    )
    return publish_version(actor, template=template)


def make_agent(
    actor: User, name: str = "helper", *, is_published: bool = True, **draft: Any
) -> Agent:
    provider = ModelProvider.objects.filter(name="server").first() or make_provider()
    instructions = draft.pop("instructions", None) or make_instructions(actor, f"{name}-voice")
    agent = create_agent(
        actor,
        workspace=make_workspace(),
        name=name,
        title=name.title(),
        instructions=instructions,
        provider=provider,
        **draft,
    )
    if is_published:
        publish_agent(actor, agent=agent)
        agent.refresh_from_db()
    return agent


def make_run(actor: User, agent: Agent, text: str = "Hello?") -> Run:
    return start_run(actor, agent=agent, text=text)


def finish(run: Run, status: str = "completed", *, seconds: float = 2.0) -> Run:
    """Put an end on the row, as the journal does with the last event."""
    run.status = status
    run.started_at = run.created_at
    run.finished_at = datetime.fromtimestamp(run.created_at.timestamp() + seconds, tz=UTC)
    run.save()
    return run


def events_of(run: Run) -> list[str]:
    return list(RunEvent.objects.filter(run=run).values_list("type", flat=True))
