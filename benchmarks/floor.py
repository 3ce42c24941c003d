"""The floor: what a run costs when only the job itself is written, with aiohttp and orjson.

It asks for a tool call, makes it, asks again with the result and collects the streamed answer. It
checks nothing, records nothing and stops for nothing: a measure, not an engine.
"""

from typing import Any

import aiohttp
import orjson

from benchmarks.job import INSTRUCTIONS, QUESTION, TOOL_NAME, TOOL_PARAMETERS, Timing, look_up

TOOL: dict[str, Any] = {
    "name": TOOL_NAME,
    "description": "Looks something up.",
    "parameters": TOOL_PARAMETERS,
}


class Floor:
    """Runs the job by hand."""

    def __init__(self, base_url: str, model: str, api: str) -> None:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._model = model
        self._url = f"{base_url}/{'responses' if api == 'responses' else 'chat/completions'}"
        self._run = self._responses if api == "responses" else self._chat

    async def close(self) -> None:
        await self._session.close()

    async def run(self, timing: Timing) -> str:
        return await self._run(timing)

    async def _chat(self, timing: Timing) -> str:
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": QUESTION},
        ]
        while True:
            body = {
                "model": self._model,
                "messages": messages,
                "tools": [{"type": "function", "function": TOOL}],
                "stream": True,
                "stream_options": {"include_usage": True},
            }
            text: list[str] = []
            call = {"id": "", "name": "", "arguments": ""}
            async for event in self._events(body):
                if not event["choices"]:
                    continue
                delta = event["choices"][0]["delta"]
                if content := delta.get("content"):
                    if not text:
                        timing.first_text()
                    text.append(content)
                for piece in delta.get("tool_calls", ()):
                    call["id"] = piece.get("id") or call["id"]
                    call["name"] = piece["function"].get("name") or call["name"]
                    call["arguments"] += piece["function"]["arguments"]
            if not call["id"]:
                return "".join(text)
            output = await look_up(orjson.loads(call["arguments"]))
            function = {"name": call["name"], "arguments": call["arguments"]}
            calls = [{"id": call["id"], "type": "function", "function": function}]
            messages += [
                {"role": "assistant", "content": None, "tool_calls": calls},
                {"role": "tool", "tool_call_id": call["id"], "content": output},
            ]

    async def _responses(self, timing: Timing) -> str:
        items: list[dict[str, Any]] = [{"role": "user", "content": QUESTION}]
        while True:
            body = {
                "model": self._model,
                "instructions": INSTRUCTIONS,
                "input": items,
                "tools": [{"type": "function", "strict": True, **TOOL}],
                "stream": True,
                "store": False,
            }
            text: list[str] = []
            call: dict[str, Any] = {}
            async for event in self._events(body):
                kind = event["type"]
                if kind == "response.output_text.delta":
                    if not text:
                        timing.first_text()
                    text.append(event["delta"])
                elif kind == "response.output_item.done" and "call_id" in event["item"]:
                    call = event["item"]
            if not call:
                return "".join(text)
            output = await look_up(orjson.loads(call["arguments"]))
            names = ("type", "call_id", "name", "arguments")
            items += [
                {name: call[name] for name in names},
                {"type": "function_call_output", "call_id": call["call_id"], "output": output},
            ]

    async def _events(self, body: dict[str, Any]) -> Any:
        headers = {"Authorization": "Bearer sk-fake", "Content-Type": "application/json"}
        data = orjson.dumps(body)
        async with self._session.post(self._url, data=data, headers=headers) as answer:
            rest = b""
            async for chunk in answer.content.iter_any():
                *events, rest = (rest + chunk).split(b"\n\n")
                for event in events:
                    raw = event[event.index(b"data: ") + 6 :]
                    if raw != b"[DONE]":
                        yield orjson.loads(raw)
