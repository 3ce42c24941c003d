"""The engine as a worker runs it: claim, assembly, loop, journal and text in PostgreSQL.

Works in a database of its own, made at the start and dropped at the end. Runs are accepted through
the service before the clock starts; carrying them out is what is measured.
"""

import os
from typing import Annotated, Any
from uuid import UUID

import django
from django.conf import settings
from django.db import connection, connections
from typing_extensions import override

from benchmarks.contestants import Contestant, Team
from benchmarks.job import INSTRUCTIONS, QUESTION, TOOL_NAME, Timing


class JournalledTeam(Team):
    """Carries out runs with `execute_run`."""

    def __init__(self, name: str, base_url: str, api: str) -> None:
        super().__init__(name, base_url, api)
        host = base_url.removeprefix("http://").removesuffix("/v1")
        os.environ["EGRESS_ALLOW"] = host
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        os.environ.setdefault("LOG_LEVEL", "WARNING")
        django.setup()
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = f"benchmark_{os.getpid()}"
        self._name = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        self._make_rows(base_url, "responses" if api == "responses" else "chat_completions")
        self._waiting: list[UUID] = []
        self._done: list[UUID] = []

    def _make_rows(self, base_url: str, api: str) -> None:
        # Models can be imported only once Django is set up.
        from django.contrib.auth.models import User

        from templates_app.services import create_template, publish_version
        from tools_app.domain.definition import Draft
        from tools_app.domain.registry import tool
        from tools_app.services import create_tool
        from workspaces_app.models import Membership, ModelProvider, Workspace

        @tool(effect="read", timeout_s=5.0)
        async def look_up_weather(city: Annotated[str, {"maxLength": 80}]) -> str:
            """Look something up.

            Args:
                city: Name of the city.
            """
            return f"It rains in {city}, 14 degrees, wind from the west."

        assert look_up_weather.__name__ == TOOL_NAME
        self._workspace = Workspace.objects.get_or_create(name="default")[0]
        self._user = User.objects.create_superuser("bench", "bench@localhost.invalid")
        Membership.objects.create(workspace=self._workspace, user=self._user, role="admin")
        self._provider = ModelProvider.objects.create(
            workspace=self._workspace,
            name="fake",
            api=api,
            base_url=base_url,
            default_model="fake-echo",
        )
        template = create_template(
            self._user, workspace=self._workspace, name="weather", body=INSTRUCTIONS
        )
        self._instructions = publish_version(self._user, template=template)
        self._tool = create_tool(
            self._user,
            workspace=self._workspace,
            name=TOOL_NAME.replace("_", "-"),
            kind="function",
            draft=Draft(config={"function": TOOL_NAME}),
        )

    @override
    def prepare(self, model: str, runs: int) -> None:
        """Accept so many runs of an agent that asks this model."""
        from agents_app.models import Agent
        from agents_app.services.definitions import create_agent, publish_agent
        from agents_app.services.runs import start_run

        name = model.replace(":", "-")
        agent = Agent.objects.filter(name=name).first()
        if agent is None:
            agent = create_agent(
                self._user,
                workspace=self._workspace,
                name=name,
                instructions=self._instructions,
                provider=self._provider,
                model=model,
                tools=[self._tool],
            )
            publish_agent(self._user, agent=agent)
        self._waiting = [start_run(self._user, agent=agent, text=QUESTION).pk for _ in range(runs)]
        self._done.clear()

    @override
    def make(self, model: str) -> Contestant:
        """Return a worker; everything that it needs is in the database."""
        return EngineJournalled(self._waiting, self._done)

    @override
    def outputs(self) -> list[str]:
        """Return what the runs carried out so far have answered."""
        from agents_app.models import Run

        runs: Any = Run.objects.filter(pk__in=self._done)
        return [run.output or f"{run.status}: {run.error_detail}" for run in runs]

    @override
    def drop(self) -> None:
        """Drop the database."""
        connections.close_all()
        if close_pool := getattr(connection, "close_pool", None):
            close_pool()
        connection.creation.destroy_test_db(self._name, verbosity=0)


class EngineJournalled:
    """One worker's loop."""

    def __init__(self, waiting: list[UUID], done: list[UUID]) -> None:
        self._waiting = waiting
        self._done = done

    async def run(self, timing: Timing) -> None:
        """Carry out one of the accepted runs."""
        from agents_app.runtime.executor import execute_run

        run_id = self._waiting.pop()
        await execute_run(run_id)
        self._done.append(run_id)

    async def close(self) -> None:
        """Close this loop's connections to the database."""
        from agents_app.runtime import database

        await database.close_pool()
