"""`manage.py chat AGENT`: talk to an agent in the terminal."""

import asyncio
import json
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from typing_extensions import override

from agents_app.models import Run
from agents_app.runtime.database import close_pool, in_thread
from agents_app.runtime.follow import follow_run
from agents_app.runtime.frames import DeltaFrame, EventFrame
from agents_app.services.definitions import find_agent
from agents_app.services.runs import cancel_run, start_run
from config.common.errors import DomainError
from sessions_app.models import Session

WORKER_HINT_S = 5.0
SHOWN_CHARACTERS = 400


class Command(BaseCommand):
    help = "Talk to an agent: streams its answer and shows its tool calls. Exit code 0 is success."

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("agent", help="The agent: name, workspace/name or id.")
        parser.add_argument("--message", "-m", help="Ask this, print the answer and end.")
        parser.add_argument("--user", "-u", help="Act as this user (default: the first superuser).")
        parser.add_argument(
            "--variable",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="A value for a variable of the instructions; JSON or plain text.",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Ask once, or read questions until the end of input."""
        user = self._user(options["user"])
        variables = dict(_variable(raw) for raw in options["variable"])
        conversation = _Conversation(self, user, options["agent"], variables)
        try:
            if options["message"]:
                succeeded = asyncio.run(conversation.ask(options["message"]))
            else:
                succeeded = self._talk(conversation)
        except DomainError as error:
            raise CommandError(f"{error.detail} [{error.code}]") from error
        if not succeeded:
            raise SystemExit(1)

    def _user(self, username: str | None) -> User:
        users = User.objects.filter(is_active=True)
        user = (
            users.filter(username=username).first()
            if username
            else users.filter(is_superuser=True).order_by("pk").first()
        )
        if user is None:
            raise CommandError(
                f"There is no active user {username!r}. Name another one with --user."
                if username
                else "There is no superuser yet. Run `manage.py createsuperuser` or use --user."
            )
        return user

    def _talk(self, conversation: "_Conversation") -> bool:
        self.stdout.write("Write a message and press Enter; Ctrl-D ends the conversation.")
        succeeded = True
        while True:
            try:
                text = input("\n> ").strip()
            except (EOFError, KeyboardInterrupt):
                self.stdout.write("")
                return succeeded
            if text:
                succeeded = asyncio.run(conversation.ask(text))


class _Conversation:
    """One session with one agent, printed as it happens."""

    def __init__(self, command: Command, user: User, agent: str, variables: dict[str, Any]) -> None:
        self._command = command
        self._user = user
        self._agent = agent
        self._variables = variables
        self._session_id: UUID | None = None
        self._is_in_line = False

    async def ask(self, text: str) -> bool:
        """Run the agent on one message; Ctrl-C cancels the run. Return whether it completed."""
        run = await in_thread(self._start, text)
        self._session_id = run.session_id
        hint = asyncio.ensure_future(self._hint(run.pk))
        try:
            async for frame, _ in follow_run(run.pk):
                if isinstance(frame, DeltaFrame):
                    self._print(frame.text, end="")
                else:
                    if frame.type != "run.queued":
                        hint.cancel()
                    self._show(frame)
                    if frame.type == "run.waiting":
                        return False
                    if frame.is_last:
                        return frame.type == "run.completed"
        except asyncio.CancelledError:
            await in_thread(cancel_run, self._user, run=run)
            self._line("cancelled")
            raise
        finally:
            hint.cancel()
            await close_pool()
        return False

    def _start(self, text: str) -> Run:
        session = Session.objects.filter(pk=self._session_id).first() if self._session_id else None
        return start_run(
            self._user,
            agent=find_agent(self._user, self._agent),
            text=text,
            session=session,
            variables=self._variables,
            purpose=Run.Purpose.PLAYGROUND,
        )

    async def _hint(self, run_id: UUID) -> None:
        await asyncio.sleep(WORKER_HINT_S)
        self._line(
            f"Run {run_id} waits for a worker. Start one with `manage.py worker`, or `make run`."
        )

    def _show(self, frame: EventFrame) -> None:
        data = frame.data
        match frame.type:
            case "tool.called":
                self._line(f"→ {data['name']} {data['arguments']}")
            case "tool.completed":
                result = data["result"]
                mark = "✗" if result["is_error"] else "✓"
                self._line(f"{mark} {result['name']} ({data['duration_ms']} ms)")
                self._line(_indented(result["content"]))
            case "step.restarted":
                self._line("(the answer starts again: a worker was lost)")
            case "run.failed":
                self._line(f"The run failed: {data['detail']} [{data['code']}]")
            case "run.cancelled":
                self._line("The run was cancelled.")
            case "run.waiting":
                self._line(f"The run waits: {data['detail']}")
            case "run.completed":
                usage = data["usage"]
                self._line(
                    f"({data['steps']} steps, {usage['input_tokens']} tokens in,"
                    f" {usage['output_tokens']} out)"
                )

    def _line(self, text: str) -> None:
        if self._is_in_line:
            self._print("\n", end="")
        self._print(text, end="\n")

    def _print(self, text: str, *, end: str) -> None:
        self._command.stdout.write(text, ending=end)
        self._command.stdout.flush()
        self._is_in_line = not (text + end).endswith("\n")


def _variable(raw: str) -> tuple[str, Any]:
    name, separator, value = raw.partition("=")
    if not separator:
        raise CommandError(f"--variable {raw!r}: write NAME=VALUE.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _indented(text: str) -> str:
    shown = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
    return "\n".join(f"    {line}" for line in shown.splitlines())
