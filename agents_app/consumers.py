"""Websockets: start, follow and cancel runs. `docs/realtime.md` is the protocol.

A socket only encodes what `follow_run` yields; a run never belongs to it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar
from uuid import UUID

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth.models import User
from typing_extensions import override

from agents_app.models import Run
from agents_app.runtime import bell
from agents_app.runtime.database import in_thread
from agents_app.runtime.follow import follow_run
from agents_app.runtime.frames import Cursor, DeltaFrame
from agents_app.services import definitions, runs
from config.common.api.problems import translate
from config.common.errors import (
    DomainError,
    FormInvalid,
    MeaningInvalid,
    NotFound,
    PermissionMissing,
)
from config.common.strict_json import StrictJSONError, loads
from sessions_app.models import Session
from workspaces_app.models import ApiToken
from workspaces_app.services import idempotency

logger = logging.getLogger(__name__)

NOT_FOUND = 4404
TOO_MANY_MESSAGES = 4429
SERVER_ERROR = 1011
MAX_FRAME_BYTES = 65_536
MESSAGES_PER_S = 20
MAX_FOLLOWED_RUNS = 50

FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "run.start": {
        "agent": (str,),
        "input": (str,),
        "variables": (dict,),
        "session": (str, type(None)),
        "idempotency_key": (str,),
        "purpose": (str,),
    },
    "run.follow": {"run": (str,), "last_seq": (int,), "offset": (int,)},
    "run.cancel": {"run": (str,)},
    "ping": {},
}
REQUIRED = {
    "run.start": ("agent", "input"),
    "run.follow": ("run",),
    "run.cancel": ("run",),
    "ping": (),
}


class RunsSocket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """What both sockets share: parsing, answering, following."""

    handlers: ClassVar[dict[str, str]] = {
        "run.start": "start",
        "run.follow": "follow_again",
        "run.cancel": "cancel",
        "ping": "pong",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin without runs."""
        super().__init__(*args, **kwargs)
        self._followers: dict[UUID, asyncio.Task[None]] = {}
        self._allowance = float(MESSAGES_PER_S)
        self._counted_at = time.monotonic()

    @property
    def user(self) -> User:
        """The signed-in user; the handshake let nobody else through."""
        user: User = self.scope["user"]
        return user

    @override
    async def connect(self) -> None:
        """Accept, then follow what the address names."""
        await self.accept()
        try:
            self.require_scope("read")
            await self.opened()
        except DomainError as error:
            await self.answer_error(error, None)
            await self.close(NOT_FOUND if error.status == 404 else 4403)

    async def opened(self) -> None:
        """Begin to follow; overridden by each socket."""

    @override
    async def disconnect(self, code: int) -> None:
        """Stop following; the runs go on."""
        for task in self._followers.values():
            task.cancel()
        await asyncio.gather(*self._followers.values(), return_exceptions=True)

    @override
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Carry out one message and answer it; a bad one is answered and changes nothing."""
        if not self._has_allowance():
            await self.close(TOO_MANY_MESSAGES)
            return
        request_id: Any = None
        try:
            message = parse(text_data, bytes_data)
            request_id = message.get("id")
            handler: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]] = getattr(
                self, self.handlers[message["type"]]
            )
            answer = await handler(message)
            await self.answer({**answer, **({"id": request_id} if request_id else {})})
        except Exception as error:
            known = translate(error)
            if known is None:
                logger.exception("socket.crashed")
                known = DomainError("The server failed; it has been logged.", code="server.error")
            await self.answer_error(known, request_id)

    async def start(self, message: dict[str, Any]) -> dict[str, Any]:
        """Start a run and follow it."""
        self.require_scope("run")
        self.require_room()
        run_id, session_id = await in_thread(self.start_run, message)
        self.follow(run_id, Cursor())
        return {"type": "run.accepted", "run": str(run_id), "session": str(session_id)}

    def start_run(self, message: dict[str, Any]) -> tuple[UUID, UUID]:
        """Call the service, once per idempotency key; return run and session."""

        def do() -> tuple[int, Any]:
            agent = definitions.find_agent(self.user, message["agent"])
            purpose = message.get("purpose", Run.Purpose.PRODUCTION)
            if purpose not in {Run.Purpose.PRODUCTION, Run.Purpose.PLAYGROUND}:
                raise MeaningInvalid(
                    "purpose: use 'production' or 'playground'.", code="run.purpose_unknown"
                )
            run = runs.start_run(
                self.user,
                agent=agent,
                text=message["input"],
                session=self.session_of(message),
                variables=message.get("variables"),
                purpose=purpose,
            )
            return 201, {"run": str(run.pk), "session": str(run.session_id)}

        (_, answer), _ = idempotency.once(
            self.user,
            route="ws/run.start",
            key=message.get("idempotency_key"),
            body={name: message.get(name) for name in FIELDS["run.start"]},
            do=do,
        )
        return UUID(answer["run"]), UUID(answer["session"])

    def session_of(self, message: dict[str, Any]) -> Session | None:
        """Return the session that a message names, if any."""
        if not message.get("session"):
            return None
        return find_session(self.user, parse_uuid(message["session"], "session"))

    async def follow_again(self, message: dict[str, Any]) -> dict[str, Any]:
        """Follow a run from a cursor, instead of where it was followed before."""
        run_id = parse_uuid(message["run"], "run")
        await in_thread(runs.require_run, self.user, run_id)
        cursor = Cursor(seq=message.get("last_seq", 0), offset=message.get("offset", 0))
        if cursor.seq < 0 or cursor.offset < 0:
            raise FormInvalid("last_seq and offset begin at 0.", code="cursor.invalid")
        self.follow(run_id, cursor)
        return {"type": "run.following", "run": str(run_id)}

    async def cancel(self, message: dict[str, Any]) -> dict[str, Any]:
        """Ask for the end of a run."""
        self.require_scope("run")
        run_id = parse_uuid(message["run"], "run")

        def do() -> None:
            runs.cancel_run(self.user, run=runs.require_run(self.user, run_id))

        await in_thread(do)
        return {"type": "run.cancelling", "run": str(run_id)}

    async def pong(self, message: dict[str, Any]) -> dict[str, Any]:
        """Answer a ping."""
        return {"type": "pong"}

    def follow(self, run_id: UUID, cursor: Cursor) -> None:
        """Send the run's frames from the cursor on, in a task of its own."""
        if previous := self._followers.pop(run_id, None):
            previous.cancel()
        self.require_room()
        self._followers[run_id] = asyncio.ensure_future(self._send_frames(run_id, cursor))

    def require_room(self) -> None:
        """Refuse another run when the socket follows as many as it may."""
        self._followers = {
            known: task for known, task in self._followers.items() if not task.done()
        }
        if len(self._followers) >= MAX_FOLLOWED_RUNS:
            raise MeaningInvalid(
                f"One socket follows at most {MAX_FOLLOWED_RUNS} runs. Open another one.",
                code="socket.too_many_runs",
            )

    async def _send_frames(self, run_id: UUID, cursor: Cursor) -> None:
        try:
            async for frame, after in follow_run(run_id, cursor):
                encoded = (
                    frame.encode(after.seq) if isinstance(frame, DeltaFrame) else frame.encode()
                )
                await self.send(text_data=encoded.decode())
        except Exception:
            logger.exception("socket.follower_crashed", extra={"run": str(run_id)})
            await self.close(SERVER_ERROR)

    async def answer(self, message: dict[str, Any]) -> None:
        """Send one JSON object."""
        await self.send(text_data=orjson.dumps(message).decode())

    async def answer_error(self, error: DomainError, request_id: Any) -> None:
        """Send what went wrong with one message."""
        message: dict[str, Any] = {"type": "error", "code": error.code, "detail": error.detail}
        if error.errors:
            message["errors"] = error.errors
        if request_id:
            message["id"] = request_id
        await self.answer(message)

    def require_scope(self, scope: str) -> None:
        """Refuse what the token, if one was used, does not cover."""
        token: ApiToken | None = self.scope["token"]
        if token is not None and scope not in token.scopes and "admin" not in token.scopes:
            raise PermissionMissing(
                f"This token lacks the scope {scope!r}.", code="token.scope_missing"
            )

    def _has_allowance(self) -> bool:
        now = time.monotonic()
        self._allowance = min(
            MESSAGES_PER_S, self._allowance + (now - self._counted_at) * MESSAGES_PER_S
        )
        self._counted_at = now
        self._allowance -= 1
        return self._allowance >= 0


class RunSocket(RunsSocket):
    """`/ws/runs/{id}/?last_seq=&offset=`: one run from a cursor on."""

    @override
    async def opened(self) -> None:
        """Follow the run of the address."""
        query = dict(
            pair.split("=", 1)
            for pair in self.scope["query_string"].decode().split("&")
            if "=" in pair
        )
        message = {"run": str(self.scope["url_route"]["kwargs"]["run_id"])}
        numbers = {name: query[name] for name in ("last_seq", "offset") if name in query}
        if not all(value.isascii() and value.isdigit() for value in numbers.values()):
            raise FormInvalid("last_seq and offset are whole numbers.", code="cursor.invalid")
        await self.follow_again(
            {**message, **{name: int(value[:9]) for name, value in numbers.items()}}
        )


class SessionSocket(RunsSocket):
    """`/ws/sessions/{id}/`: a conversation, whoever starts its runs; `new` makes one."""

    group: str | None = None

    @override
    async def opened(self) -> None:
        """Follow what is under way in the session, and hear of new runs."""
        session_id: UUID | None = self.scope["url_route"]["kwargs"].get("session_id")
        if session_id is None:
            return
        await in_thread(find_session, self.user, session_id)
        await self.join(session_id)

    async def join(self, session_id: UUID) -> None:
        """Hear of new runs of the session, and follow the unfinished ones."""
        self.group = bell.session_group(session_id)
        with bell.tolerated():
            await self.channel_layer.group_add(self.group, self.channel_name)
        for run_id in await in_thread(unfinished_runs, session_id):
            if run_id not in self._followers:
                self.follow(run_id, Cursor())

    @override
    def session_of(self, message: dict[str, Any]) -> Session | None:
        """Return the session of the address, or of this socket's first run."""
        session_id = self.scope["url_route"]["kwargs"].get("session_id")
        return find_session(self.user, session_id) if session_id else super().session_of(message)

    @override
    async def start(self, message: dict[str, Any]) -> dict[str, Any]:
        """Start a run in this session, or in a new one that this socket then belongs to."""
        answer = await super().start(message)
        if self.group is None:
            self.scope["url_route"]["kwargs"]["session_id"] = UUID(answer["session"])
            await self.join(UUID(answer["session"]))
        return answer

    async def session_run(self, message: dict[str, Any]) -> None:
        """Follow a run that somebody started in the session."""
        run_id = UUID(message["run"])
        if run_id not in self._followers:
            try:
                self.follow(run_id, Cursor())
            except DomainError as error:
                await self.answer_error(error, None)

    @override
    async def disconnect(self, code: int) -> None:
        """Leave the session's group too."""
        if self.group is not None:
            with bell.tolerated():
                await self.channel_layer.group_discard(self.group, self.channel_name)
        await super().disconnect(code)


def parse(text: str | None, raw: bytes | None) -> dict[str, Any]:
    """Return a known message of the right form.

    Raises:
        FormInvalid: it is binary, too large, not strict JSON, of an unknown type, or has a field
            that is missing, unknown or of the wrong type.
    """
    if text is None:
        raise FormInvalid("Send text frames.", code="message.not_text")
    try:
        message = loads(text, max_bytes=MAX_FRAME_BYTES)
    except StrictJSONError as error:
        raise FormInvalid(error.detail, code=error.code) from error
    if not isinstance(message, dict):
        raise FormInvalid("A message is a JSON object.", code="message.not_an_object")
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in FIELDS:
        known = ", ".join(sorted(FIELDS))
        raise FormInvalid(f"type: use one of {known}.", code="message.type_unknown")
    if not isinstance(message.get("id", ""), str) or len(str(message.get("id", ""))) > 100:
        raise FormInvalid("id: a text of at most 100 characters.", code="message.field_invalid")
    for name in REQUIRED[kind]:
        if name not in message:
            raise FormInvalid(f"{name}: this field is missing.", code="message.field_missing")
    for name, value in message.items():
        if name in {"type", "id"}:
            continue
        if name not in FIELDS[kind]:
            raise FormInvalid(
                f"{name[:40]!r}: {kind} has no such field.", code="message.field_unknown"
            )
        if not isinstance(value, FIELDS[kind][name]) or isinstance(value, bool):
            wanted = " or ".join(each.__name__ for each in FIELDS[kind][name])
            raise FormInvalid(
                f"{name}: write a value of type {wanted}.", code="message.field_invalid"
            )
    return message


def parse_uuid(raw: str, field: str) -> UUID:
    """Return the identifier, or refuse it by the field's name."""
    try:
        return UUID(raw)
    except ValueError:
        raise FormInvalid(f"{field}: write a UUID.", code="message.field_invalid") from None


def find_session(user: User, session_id: UUID) -> Session:
    """Return a session that the user may read."""
    session: Session | None = Session.objects.visible_to(user).filter(pk=session_id).first()
    if session is None:
        raise NotFound("There is no such session, or it is not yours.", code="session.not_found")
    return session


def unfinished_runs(session_id: UUID) -> list[UUID]:
    """Return the runs of a session that are not over, oldest first."""
    runs_of_session = Run.objects.unfinished().filter(session=session_id)
    return list(runs_of_session.order_by("id").values_list("pk", flat=True)[:MAX_FOLLOWED_RUNS])
