"""Build an agent over the API and run it: templates, a tool, knowledge, events as they come.

    python examples/quickstart.py --url http://127.0.0.1:8000 --token ab_...

The address and the token are those that `make run` prints; AGENT_BUILDER_URL and
AGENT_BUILDER_TOKEN do as well. Everything gets a name with a random ending, so it can be run
again and again; nothing is deleted. The exit code is 0 if the run completed.
"""

import argparse
import asyncio
import json
import os
import secrets
import sys
from typing import Any

import aiohttp

READY_WITHIN_S = 120
HANDBOOK = """# Opening hours

The observatory opens at 18:30 from April to September and at 16:00 from October to March.

# Tickets

A ticket costs 12 euros. Children under seven come in free.
"""

DEMO_SETTINGS = {"temperature": 0.2, "max_output_tokens": 400, "stop": ["\n\n"]}


class ApiError(Exception):
    """The API refused a request; every refusal is a problem document (RFC 9457)."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem['status']} {problem['code']}: {problem['detail']}")
        self.problem = problem


class Api:
    """The REST API of one installation."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.url = url.rstrip("/")

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send JSON and return the JSON of the answer."""
        async with self.http.request(method, f"{self.url}/api/v1/{path}", json=body) as answer:
            content = await answer.json(content_type=None)
            if answer.status >= 400:
                raise ApiError(content)
            return content


async def publish_templates(api: Api, ending: str) -> dict[str, Any]:
    """Publish a parent with typed variables and a child that extends it; return the child."""
    parent = await api.call(
        "POST",
        "templates/",
        {
            "name": f"guide-{ending}",
            "body": "You are a guide of {{ place }}. Use at most {{ sentences }} sentences.\n"
            "{% block rules %}Be {{ tone }}.{% endblock %}",
            "variables": [
                {"name": "place", "type": "string", "constraints": {"max_length": 80}},
                {"name": "sentences", "type": "integer", "default": 3, "constraints": {"min": 1}},
                {
                    "name": "tone",
                    "type": "enum",
                    "default": "warm",
                    "constraints": {"choices": ["warm", "formal"]},
                },
            ],
        },
    )
    pinned = await api.call("POST", f"templates/{parent['id']}/publish/", {})
    child = await api.call(
        "POST",
        "templates/",
        {
            "name": f"careful-guide-{ending}",
            "body": f'{{% extends "{pinned["reference"]}" %}}\n'
            "{% block rules %}{{ super() }} Cite the passages that you use.{% endblock %}",
        },
    )
    version: dict[str, Any] = await api.call("POST", f"templates/{child['id']}/publish/", {})
    print(f"Templates   {version['reference']} extends {pinned['reference']}")
    return version


async def add_tool(api: Api, ending: str) -> dict[str, Any]:
    """Offer the installed Python function `calculator` as a tool."""
    tool: dict[str, Any] = await api.call(
        "POST",
        "tools/",
        {
            "name": f"calculator-{ending}",
            "kind": "function",
            "config": {"function": "calculator"},
        },
    )
    trial = await api.call(
        "POST", f"tools/{tool['id']}/try/", {"arguments": {"expression": "3 * 12"}}
    )
    print(f"Tool        {tool['reference']} ({tool['effect']}): 3 * 12 = {trial['output']}")
    return tool


async def add_knowledge(api: Api, ending: str) -> dict[str, Any]:
    """Fill a knowledge base with one document and wait until a worker has read it."""
    base: dict[str, Any] = await api.call(
        "POST", "knowledge-bases/", {"name": f"handbook-{ending}"}
    )
    document = await api.call(
        "POST",
        f"knowledge-bases/{base['id']}/documents/",
        {"title": "Handbook", "text": HANDBOOK},
    )
    async with asyncio.timeout(READY_WITHIN_S):
        while document["state"] in {"queued", "running"}:
            await asyncio.sleep(0.5)
            document = await api.call("GET", f"documents/{document['id']}/")
    if document["state"] != "ready":
        raise RuntimeError(f"The document could not be read: {document['error']}")
    print(f"Knowledge   {base['reference']}, {document['chunk_count']} chunks")
    return base


async def publish_agent(api: Api, ending: str) -> dict[str, Any]:
    """Put everything together and freeze it in a version."""
    providers = await api.call("GET", "model-providers/")
    provider = next((row for row in providers["results"] if row["is_enabled"]), None)
    if provider is None:
        raise RuntimeError("There is no model provider. Set OPENAI_API_KEY or use `make run`.")
    instructions = await publish_templates(api, ending)
    tool = await add_tool(api, ending)
    base = await add_knowledge(api, ending)
    agent: dict[str, Any] = await api.call(
        "POST",
        "agents/",
        {
            "name": f"observatory-guide-{ending}",
            "instructions": instructions["id"],
            "variables": {"place": "the observatory"},
            "provider": provider["id"],
            # The tiny demonstration model knows no end once it may go on calling tools.
            "tools": [] if provider["is_demo"] else [tool["id"]],
            "model_settings": DEMO_SETTINGS if provider["is_demo"] else {},
            "knowledge_bases": [base["id"]],
            "first_tool": "search_knowledge",
        },
    )
    version = await api.call("POST", f"agents/{agent['id']}/publish/", {"change_note": "First"})
    pins = ", ".join(f"{pin['name']} v{pin['number']}" for pin in version["manifest"]["tools"])
    print(f"Agent       {agent['reference']} v{version['number']} pins {pins or 'no tools'}")
    return agent


async def show_refusal(api: Api, agent: dict[str, Any]) -> None:
    """Start a run with a wrong variable: the answer names it, and nothing is run."""
    try:
        await api.call(
            "POST", f"agents/{agent['id']}/runs/", {"input": "Hi", "variables": {"tone": "rude"}}
        )
    except ApiError as error:
        print(f"Refused     {error}")
        if error.problem["errors"][0]["field"] != "tone":
            raise
    else:
        raise RuntimeError("A value outside of its choices was accepted.")


async def run_over_websocket(api: Api, agent: dict[str, Any], question: str) -> bool:
    """Start a run, print its events as they come, and tell whether it completed."""
    async with api.http.ws_connect(f"{api.url}/ws/sessions/new/") as socket:
        await socket.send_json(
            {"type": "run.start", "id": "first", "agent": agent["id"], "input": question}
        )
        async for frame in socket:
            message = json.loads(frame.data)
            match message["type"]:
                case "message.delta":
                    print(message["text"], end="", flush=True)
                case "message.completed":
                    print()
                case "tool.called":
                    print(f"  -> {message['data']['name']} {message['data']['arguments']}")
                case "tool.completed":
                    print(f"  <- {message['data']['result']['content'][:200]}")
                case "error" | "run.failed":
                    print(f"  !! {message}")
                case kind:
                    print(f"  {message.get('seq', '-'):>2} {kind}")
            if message["type"] in {"error", "run.failed", "run.cancelled", "run.waiting"}:
                return False
            if message["type"] == "run.completed":
                return True
    print(f"The connection was closed with code {socket.close_code}.")
    return False


async def main() -> int:
    """Read the options, do everything in order, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("AGENT_BUILDER_URL"))
    parser.add_argument("--token", default=os.environ.get("AGENT_BUILDER_TOKEN"))
    parser.add_argument("--question", default="What do three tickets cost, and when do you open?")
    parser.add_argument("--ending", default=secrets.token_hex(3), help="ends every name")
    options = parser.parse_args()
    if not options.url or not options.token:
        parser.error("--url and --token are needed; `make run` prints both.")
    headers = {"Authorization": f"Bearer {options.token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        api = Api(http, options.url)
        try:
            agent = await publish_agent(api, options.ending)
            await show_refusal(api, agent)
            print(f"Question    {options.question[:80]}")
            completed = await run_over_websocket(api, agent, options.question)
        except (ApiError, RuntimeError, TimeoutError, aiohttp.ClientError) as error:
            print(f"error: {str(error) or type(error).__name__}", file=sys.stderr)
            return 1
    print(f"Kept        {api.url}/admin/agents_app/agent/{agent['id']}/change/")
    return 0 if completed else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
