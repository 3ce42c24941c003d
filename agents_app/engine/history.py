"""The conversation as a model may see it: results in call order, and no call without a result."""

from collections.abc import Iterable, Sequence

from agents_app.engine.messages import AssistantMessage, Message, ToolResult

NOT_COMPLETED = "This call was not completed."


def in_call_order(messages: Sequence[Message]) -> list[Message]:
    """Return messages with the results of each answer in the order of its calls.

    Results are kept in the order in which they came in; the model gets the same request whichever
    call was faster.
    """
    ordered: list[Message] = []
    results: list[ToolResult] = []
    places: dict[str, int] = {}

    def flush() -> None:
        results.sort(key=lambda result: places.get(result.call_id, 0))
        ordered.extend(results)
        results.clear()

    for message in messages:
        if isinstance(message, ToolResult):
            results.append(message)
            continue
        flush()
        if isinstance(message, AssistantMessage):
            places = {call.id: index for index, call in enumerate(message.calls)}
        ordered.append(message)
    flush()
    return ordered


def close_open_calls(messages: Iterable[Message]) -> list[Message]:
    """Return messages in which every call has a result right after its answer.

    A run that failed or was cancelled leaves calls without results, which providers refuse; such a
    call gets a result that says so. A result without its call is left out.
    """
    closed: list[Message] = []
    open_calls: dict[str, ToolResult] = {}

    def close() -> None:
        closed.extend(open_calls.values())
        open_calls.clear()

    for message in messages:
        if isinstance(message, ToolResult):
            if open_calls.pop(message.call_id, None) is not None:
                closed.append(message)
            continue
        close()
        closed.append(message)
        if isinstance(message, AssistantMessage):
            open_calls.update(
                (
                    call.id,
                    ToolResult(
                        call_id=call.id, name=call.name, content=NOT_COMPLETED, is_error=True
                    ),
                )
                for call in message.calls
            )
    close()
    return in_call_order(closed)
