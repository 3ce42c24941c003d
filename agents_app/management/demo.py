"""The demonstration: rows that show the main job on a fresh machine, made through the services."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User

from agents_app.models import Agent
from agents_app.services.definitions import create_agent, publish_agent
from knowledge_app.models import KnowledgeBase
from knowledge_app.services import add_document, create_base
from templates_app.models import PromptTemplate
from templates_app.services import create_template, publish_version
from tools_app.domain.definition import Draft
from tools_app.models import Tool
from tools_app.services import create_tool
from workspaces_app.models import ModelProvider, Workspace

TEMPLATES: Sequence[Mapping[str, Any]] = (
    {
        "name": "assistant-base",
        "title": "Assistant (base)",
        "description": "What every assistant shares: a role, a tone and rules for honesty.",
        "tags": ["base"],
        "body": (
            "{% block role %}You are a helpful assistant of {{ company }}.{% endblock %}\n"
            "Answer in {{ language }}, in a {{ tone }} tone, in at most {{ max_sentences }}"
            " sentences.\n"
            "{% block rules %}If you do not know something, say so.{% endblock %}"
        ),
        "variables": [
            {
                "name": "company",
                "type": "string",
                "description": "Whom the assistant speaks for.",
                "example": "Agent Builder",
                "constraints": {"max_length": 80},
            },
            {
                "name": "language",
                "type": "string",
                "required": False,
                "default": "English",
                "example": "German",
            },
            {
                "name": "tone",
                "type": "enum",
                "required": False,
                "default": "friendly",
                "constraints": {"choices": ["friendly", "formal", "brief"]},
            },
            {
                "name": "max_sentences",
                "type": "integer",
                "required": False,
                "default": 3,
                "constraints": {"min": 1, "max": 20},
            },
        ],
    },
    {
        "name": "docs-helper",
        "title": "Documentation helper",
        "description": "Answers questions from a knowledge base and cites its passages.",
        "tags": ["support", "knowledge"],
        "body": (
            '{% extends "assistant-base@1" %}\n'
            "{% block role %}You answer questions about {{ company }} from its documentation."
            "{% endblock %}\n"
            "{% block rules %}{{ super() }}\n"
            "Use only the passages that you found, and cite them as [1], [2].{% endblock %}"
        ),
        "variables": [],
    },
    {
        "name": "calculating-assistant",
        "title": "Calculating assistant",
        "description": "Works out numbers with a tool instead of guessing.",
        "tags": ["tools"],
        "body": (
            '{% extends "assistant-base@1" %}\n'
            "{% block rules %}{{ super() }}\n"
            "Use the calculator for every calculation.{% endblock %}"
        ),
        "variables": [],
    },
)
TOOLS: Sequence[tuple[str, str]] = (
    ("calculator", "Calculator"),
    ("current-time", "Current time"),
)
KNOWLEDGE_BASE = "handbook"
DEMO_MODEL_SETTINGS: Mapping[str, Any] = {
    "temperature": 0.2,
    "max_output_tokens": 400,
    "stop": ["\n\n"],
}
"""So tiny a model rambles on after its first paragraph."""
DOCUMENTS = (
    "README.md",
    "docs/architecture.md",
    "docs/glossary.md",
    "docs/events.md",
    "docs/realtime.md",
    "docs/reliability.md",
    "docs/configuration.md",
)


@dataclass(slots=True)
class Demo:
    """What the demonstration made, or found already there."""

    workspace: Workspace
    provider: ModelProvider | None
    created: list[str] = field(default_factory=list)


def load_demo(
    actor: User, *, workspace: Workspace, provider: ModelProvider | None, root: Path
) -> Demo:
    """Create what is missing and touch nothing that is there; `root` holds README.md and docs/.

    Agents need a provider: without one they are made at a later start that has one.
    """
    demo = Demo(workspace, provider)
    for spec in TEMPLATES:
        _template(actor, demo, spec)
    tools = {name: _tool(actor, demo, name, title) for name, title in TOOLS}
    base = _knowledge_base(actor, demo, root)
    if provider is not None:
        _docs_agent(actor, demo, base)
        _calculating_agent(actor, demo, tools["calculator"])
    return demo


def _template(actor: User, demo: Demo, spec: Mapping[str, Any]) -> None:
    if PromptTemplate.objects.filter(workspace=demo.workspace, name=spec["name"]).exists():
        return
    template = create_template(actor, workspace=demo.workspace, **spec)
    publish_version(actor, template=template, change_note="Demonstration")
    demo.created.append(f"template {template.name}")


def _tool(actor: User, demo: Demo, name: str, title: str) -> Tool:
    found: Tool | None = Tool.objects.filter(workspace=demo.workspace, name=name).first()
    if found is not None:
        return found
    function = name.replace("-", "_")
    demo.created.append(f"tool {name}")
    return create_tool(
        actor,
        workspace=demo.workspace,
        name=name,
        title=title,
        kind=Tool.Kind.FUNCTION,
        draft=Draft(config={"function": function}),
    )


def _knowledge_base(actor: User, demo: Demo, root: Path) -> KnowledgeBase:
    bases = KnowledgeBase.objects.filter(workspace=demo.workspace, name=KNOWLEDGE_BASE)
    base: KnowledgeBase | None = bases.first()
    if base is not None:
        return base
    base = create_base(
        actor,
        workspace=demo.workspace,
        name=KNOWLEDGE_BASE,
        title="Agent Builder handbook",
        description="The documentation of this very product.",
    )
    for relative in DOCUMENTS:
        path = root / relative
        if path.is_file():
            add_document(actor, base=base, content=path.read_bytes(), filename=path.name)
    demo.created.append(f"knowledge base {base.name}")
    return base


def _docs_agent(actor: User, demo: Demo, base: KnowledgeBase) -> None:
    """Make the agent whose first step must search, so that even a tiny model shows a citation."""
    _agent(
        actor,
        demo,
        name="docs-helper",
        title="Documentation helper",
        description="Ask it anything about Agent Builder; it searches the handbook and cites it.",
        template="docs-helper",
        variables={"company": "Agent Builder"},
        knowledge_bases=[base],
        first_tool="search_knowledge",
    )


def _calculating_agent(actor: User, demo: Demo, calculator: Tool) -> None:
    _agent(
        actor,
        demo,
        name="calculator",
        title="Calculating assistant",
        description="Works out numbers with the calculator instead of guessing.",
        template="calculating-assistant",
        variables={"company": "Agent Builder"},
        tools=[calculator],
        first_tool="calculator",
    )


def _agent(actor: User, demo: Demo, *, name: str, template: str, **draft: Any) -> None:
    if Agent.objects.filter(workspace=demo.workspace, name=name).exists():
        return
    source = PromptTemplate.objects.get(workspace=demo.workspace, name=template)
    agent = create_agent(
        actor,
        workspace=demo.workspace,
        name=name,
        instructions=source.versions.get(number=1),
        provider=demo.provider,
        model_settings=DEMO_MODEL_SETTINGS if demo.provider and demo.provider.is_demo else {},
        **draft,
    )
    publish_agent(actor, agent=agent, change_note="Demonstration")
    demo.created.append(f"agent {name}")
