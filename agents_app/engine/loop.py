"""The execution loop: ask the model, carry out its tool calls, ask again, until it has answered.

Framework-free. Every step is recorded before the next begins, so that another worker can go on
from the newest record. The loop knows no store, no network and no clock but its ports.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Literal

from agents_app.engine import history, toolcalls
from agents_app.engine.errors import (
    DeadlinePassed,
    EngineError,
    StepLimitReached,
    StreamBroken,
    Superseded,
)
from agents_app.engine.events import (
    ContextRetrieved,
    Event,
    MessageCompleted,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunStarted,
    RunWaiting,
    StepCompleted,
    StepRestarted,
    StepStarted,
    TextDelta,
    ToolCalled,
    ToolCompleted,
)
from agents_app.engine.messages import (
    AssistantMessage,
    ContextMessage,
    ToolCall,
    ToolResult,
)
from agents_app.engine.ports import ModelAnswer, Ports, PreparedCall
from agents_app.engine.spec import AUTO, ModelRequest, RunSpec, ToolSpec
from agents_app.engine.state import RunState

Happening = Event | TextDelta
Happenings = AsyncGenerator[Happening, None]


async def run(spec: RunSpec, state: RunState, ports: Ports) -> Happenings:
    """Carry a run to its end, or to where it must wait, and yield all that happens.

    `state` is new, or restored from a checkpoint after another worker stopped. Events are
    yielded after they were recorded; text deltas as they come, unrecorded.

    Raises:
        Superseded: another worker has taken over; nothing more was written.
        BaseException: whatever is a fault of ours is left to the caller, who records it.
    """
    execution = _Execution(spec, state, ports)
    try:
        async for happening in execution.run():
            yield happening
    except Superseded:
        raise
    except EngineError as error:
        yield await execution.fail(error)


def cancelled_event(state: RunState) -> RunCancelled:
    """Return the end of a run that was stopped now, with the text written so far."""
    text = "".join(state.streamed)
    partial = AssistantMessage(text=text, is_partial=True) if text else None
    return RunCancelled(step=state.step, message=partial, usage=state.usage)


def failed_event(state: RunState, error: EngineError) -> RunFailed:
    """Return the end of a run that cannot go on."""
    return RunFailed(code=error.code, detail=error.detail, fault=error.fault, usage=state.usage)


def _out_of_time() -> DeadlinePassed:
    return DeadlinePassed("The run's time was up. Raise its deadline or ask for less.")


class _Cancelled(Exception):
    """A cancel was seen at an append; the run ends before the next thing begins."""


class _Execution:
    """One worker's work on one run: the spec, the position and the ports, and nothing global."""

    def __init__(self, spec: RunSpec, state: RunState, ports: Ports) -> None:
        self.spec = spec
        self.state = state
        self.ports = ports
        self.tools: dict[str, ToolSpec] = {tool.name: tool for tool in ports.tools.specs()}
        self.next: Literal["again", "final", "wait"] = "again"
        self.inherited = frozenset(state.called)
        """Calls that an earlier worker announced; whether they went out is not known."""

    async def run(self) -> Happenings:
        """Go on from the state until the run is over or must wait."""
        try:
            if self.state.phase != "tools":
                async for event in self._begin():
                    yield event
            while self.next == "again":
                step = self._ask_model if self.state.phase == "model" else self._carry_out_calls
                async for happening in step():
                    yield happening
        except _Cancelled:
            event = cancelled_event(self.state)
            await self.ports.journal.append([event], checkpoint=self.state.checkpoint())
            yield event

    async def fail(self, error: EngineError) -> Event:
        """Record that the run cannot go on."""
        event = failed_event(self.state, error)
        await self.ports.journal.append([event], checkpoint=self.state.checkpoint())
        return event

    async def _record(self, *events: Event) -> Happenings:
        """Append events with the position after them; end the run if a cancel was asked for."""
        await self.ports.journal.append(events, checkpoint=self.state.checkpoint())
        for event in events:
            yield event
        if self.next == "again" and self.ports.journal.cancelled():
            raise _Cancelled

    async def _begin(self) -> Happenings:
        """Record where this worker starts: at the beginning, or at a step that was cut."""
        state = self.state
        events: list[Event] = []
        if state.phase == "model":
            events.append(StepRestarted(step=state.step, reason="worker_lost"))
        else:
            events.append(RunStarted(model=self.spec.model))
            if self.spec.context_tokens:
                passages = await self.ports.context.fetch(
                    self.spec.input.text, budget_tokens=self.spec.context_tokens
                )
                context = ContextMessage(passages=tuple(passages))
                events.append(ContextRetrieved(message=context))
                state.messages.append(context)
            events.append(self._next_step())
        async for event in self._record(*events):
            yield event

    def _next_step(self) -> Event:
        if self.state.step >= self.spec.limits.max_steps:
            raise StepLimitReached(
                f"The run took {self.state.step} steps, which is its limit. Raise max_steps of the"
                " agent if the task needs more."
            )
        self.state.step += 1
        self.state.phase = "model"
        self.state.called.clear()
        return StepStarted(step=self.state.step)

    async def _ask_model(self) -> Happenings:
        """Stream one answer and record it whole."""
        state, clock, deadline = self.state, self.ports.clock, self.spec.deadline
        if clock() > deadline:
            raise _out_of_time()
        state.streamed.clear()
        offset = 0
        answer: ModelAnswer | None = None
        stream = self.ports.model.stream(self._request())
        try:
            async for chunk in stream:
                if clock() > deadline:
                    raise _out_of_time()
                if isinstance(chunk, ModelAnswer):
                    answer = chunk
                    continue
                state.streamed.append(chunk.text)
                yield TextDelta(step=state.step, offset=offset, text=chunk.text)
                offset += len(chunk.text)
        finally:
            await stream.aclose()
        if answer is None:
            raise StreamBroken("The model's stream ended without an answer. Start the run again.")
        state.streamed.clear()
        async for event in self._take_answer(answer):
            yield event

    def _request(self) -> ModelRequest:
        spec, first = self.spec, self.spec.first_tool
        tools: list[ToolSpec] = list(self.tools.values())
        choice: str = AUTO
        if first is not None and first in self.tools:
            if self.state.step == 1:
                choice = first
            else:
                tools = [tool for tool in tools if tool.name != first]
        return ModelRequest(
            model=spec.model,
            instructions=spec.instructions,
            messages=[*spec.history, spec.input, *history.in_call_order(self.state.messages)],
            tools=tools,
            tool_choice=choice,
            settings=spec.settings,
        )

    async def _take_answer(self, answer: ModelAnswer) -> Happenings:
        """Record the answer and, in the same append, the intents of its calls or the end."""
        state, message = self.state, answer.message
        state.usage = state.usage.plus(answer.usage)
        state.messages.append(message)
        completed = MessageCompleted(step=state.step, message=message, usage=answer.usage)
        if message.calls:
            state.phase = "tools"
            events = [completed, *self._announce(message.calls)]
        else:
            state.phase, self.next = "done", "final"
            events = [
                completed,
                StepCompleted(step=state.step, next="final"),
                RunCompleted(output=message.text, steps=state.step, usage=state.usage),
            ]
        async for event in self._record(*events):
            yield event

    def _announce(self, calls: Sequence[ToolCall]) -> list[Event]:
        """Return the intents of the calls that pass the gate, and the answers to the others."""
        state = self.state
        prepared, refused = toolcalls.prepare_all(calls, self.spec, self.tools, step=state.step)
        state.called.update(call.call.id for call in prepared)
        state.messages.extend(refused)
        return [
            *(
                ToolCalled(
                    step=state.step,
                    call=call.call,
                    effect=call.spec.effect,
                    idempotency_key=call.idempotency_key,
                )
                for call in prepared
            ),
            *(ToolCompleted(step=state.step, result=result, duration_ms=0) for result in refused),
        ]

    async def _carry_out_calls(self) -> Happenings:
        """Make the calls that have no result, side by side, and begin the next step."""
        pending, _ = toolcalls.prepare_all(
            self.state.pending_calls(), self.spec, self.tools, step=self.state.step
        )
        unknown = [
            call
            for call in pending
            if call.call.id in self.inherited and not call.spec.is_repeatable
        ]
        if unknown:
            async for event in self._wait_for_a_person(unknown):
                yield event
            return
        newest: list[Event] = []
        # Closed at once when a cancel is seen: no call may outlive the end of its run.
        async with aclosing(self._results(pending)) as batches:
            async for results, is_last in batches:
                if is_last:
                    newest = results
                else:
                    async for event in self._record(*results):
                        yield event
        newest.append(StepCompleted(step=self.state.step, next="again"))
        limit: EngineError | None = None
        try:
            newest.append(self._next_step())
        except StepLimitReached as error:
            limit = error
        async for event in self._record(*newest):
            yield event
        if limit is not None:
            raise limit

    async def _results(
        self, pending: Sequence[PreparedCall]
    ) -> AsyncGenerator[tuple[list[Event], bool], None]:
        """Yield the results that came in together, as soon as they are there, and if all are."""
        room = asyncio.Semaphore(self.spec.limits.parallel_calls)

        async def call_when_there_is_room(call: PreparedCall) -> tuple[ToolResult, int]:
            async with room:
                return await toolcalls.execute(
                    call, self.ports.tools, spec=self.spec, now=self.ports.clock()
                )

        tasks = [asyncio.ensure_future(call_when_there_is_room(call)) for call in pending]
        try:
            waiting = set(tasks)
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                events: list[Event] = []
                for task in tasks:
                    if task in done:
                        result, duration_ms = task.result()
                        self.state.messages.append(result)
                        events.append(
                            ToolCompleted(
                                step=self.state.step, result=result, duration_ms=duration_ms
                            )
                        )
                yield events, not waiting
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait_for_a_person(self, unknown: Sequence[PreparedCall]) -> Happenings:
        names = ", ".join(sorted({call.spec.name for call in unknown}))
        self.next = "wait"
        async for event in self._record(
            RunWaiting(
                reason="tool.outcome_unknown",
                detail=f"A worker was lost while it called {names}. Somebody must say whether the"
                " call took effect before the run can go on.",
                call_ids=[call.call.id for call in unknown],
            )
        ):
            yield event
