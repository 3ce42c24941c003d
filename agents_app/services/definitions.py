"""Creating, changing, publishing and archiving agents."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from agents_app.domain.manifest import (
    KNOWLEDGE_TOOL,
    InstructionsPin,
    KnowledgePin,
    Manifest,
    ModelPin,
    ToolPin,
)
from agents_app.models import Agent, AgentVersion
from config.common.errors import Conflict, MeaningInvalid, NotFound, PermissionMissing
from config.common.roles import Role
from knowledge_app.models import KnowledgeBase
from templates_app.models import TemplateVersion
from templates_app.services import load_chain
from tools_app.models import Tool, ToolVersion
from workspaces_app.models import ModelProvider, Workspace
from workspaces_app.services import access, audit

PLAIN_FIELDS = (
    "name",
    "title",
    "description",
    "visibility",
    "variables",
    "model",
    "model_settings",
    "first_tool",
    "context_tokens",
    "max_steps",
)
MODEL_SETTINGS: Mapping[str, tuple[tuple[type[int] | type[float], ...], float, float]] = {
    "temperature": ((int, float), 0, 2),
    "top_p": ((int, float), 0, 1),
    "max_output_tokens": ((int,), 1, 1_000_000),
}
MAX_STOP_TEXTS = 4
REASONING_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")


@transaction.atomic
def create_agent(actor: User, *, workspace: Workspace, name: str, **draft: Any) -> Agent:
    """Create an agent with its draft; see `update_agent` for the fields of a draft.

    Raises:
        PermissionMissing: `actor` may not create in the workspace.
        Conflict: the name is taken.
    """
    access.require_role(actor, workspace, Role.EDITOR)
    agent = Agent(workspace=workspace, name=name, created_by=actor)
    _change(actor, agent, draft)
    audit.record(actor, "agent.created", agent)
    return agent


@transaction.atomic
def update_agent(actor: User, *, agent: Agent, **draft: Any) -> Agent:
    """Change the draft. Fields left out stay as they are; versions are not touched.

    `draft` takes the plain fields of `Agent`, `instructions` (a TemplateVersion or None),
    `provider` (a ModelProvider or None), `tools` and `knowledge_bases` (sequences of rows).

    Raises:
        PermissionMissing: `actor` may not change the agent.
        NotFound: something that the draft uses is not visible to `actor`.
        MeaningInvalid: a value is refused.
    """
    agent = _locked(actor, agent)
    _change(actor, agent, draft)
    audit.record(actor, "agent.updated", agent, after={"fields": sorted(draft)})
    return agent


@transaction.atomic
def publish_agent(actor: User, *, agent: Agent, change_note: str = "") -> AgentVersion:
    """Freeze the draft as the next version, with everything that it uses pinned.

    Numbers have no gaps: the agent's row is locked while the version is made.

    Raises:
        MeaningInvalid: the draft is not complete, or two tools have one name.
    """
    agent = _locked(actor, agent)
    manifest = build_manifest(actor, agent)
    agent.last_number += 1
    agent.save(update_fields=["last_number", "updated_at"])
    version = AgentVersion.objects.create(
        agent=agent,
        number=agent.last_number,
        manifest=manifest.encode(),
        content_sha256=manifest.content_sha256,
        instructions_id=manifest.instructions.version_id,
        provider_id=manifest.model.provider_id,
        change_note=change_note[:300],
        created_by=actor,
    )
    audit.record(
        actor,
        "agent.published",
        agent,
        after={"number": version.number, "content_sha256": version.content_sha256},
    )
    return version


@transaction.atomic
def archive_agent(actor: User, *, agent: Agent) -> Agent:
    """Take the agent out of use; its runs and versions stay, its name becomes free."""
    agent = _locked(actor, agent)
    agent.archived_at = timezone.now()
    agent.save(update_fields=["archived_at", "updated_at"])
    audit.record(actor, "agent.archived", agent)
    return agent


@transaction.atomic
def restore_agent(actor: User, *, agent: Agent) -> Agent:
    """Bring an archived agent back.

    Raises:
        Conflict: another agent has taken the name meanwhile.
    """
    agent = _locked(actor, agent, is_archived=True)
    agent.archived_at = None
    _save(agent)
    audit.record(actor, "agent.restored", agent)
    return agent


def find_agent(actor: User, reference: str) -> Agent:
    """Return an active agent that `actor` may run, by id, `workspace/name` or `name`.

    Raises:
        NotFound: there is none, or `actor` may not see it.
        PermissionMissing: `actor` sees it but may not run it.
    """
    visible = Agent.objects.visible_to(actor).active().select_related("workspace")
    workspace, _, name = reference.rpartition("/")
    condition = models.Q(name=name)
    if workspace:
        condition &= models.Q(workspace__name=workspace)
    try:
        found: list[Agent] = list(visible.filter(models.Q(pk=reference))[:2])
    except (ValidationError, ValueError):
        found = list(visible.filter(condition).order_by("workspace__name")[:2])
    if not found:
        raise NotFound(
            f"There is no agent {reference[:130]!r}, or you may not see it.", code="agent.not_found"
        )
    if len(found) > 1:
        raise MeaningInvalid(
            f"Several workspaces have an agent {name!r}; write workspace/{name}.",
            code="agent.ambiguous",
        )
    require_runnable(actor, found[0])
    return found[0]


def require_runnable(actor: User, agent: Agent) -> None:
    """Refuse unless `actor` may run the agent."""
    if not Agent.objects.runnable_by(actor).filter(pk=agent.pk).exists():
        raise PermissionMissing("You can see this agent, but your role does not let you run it.")


def published_version(agent: Agent, number: int | None = None) -> AgentVersion:
    """Return the newest version of an agent, or the one with this number.

    Raises:
        Conflict: the agent has never been published.
        NotFound: it has no version with this number.
    """
    versions = AgentVersion.objects.select_related("agent__workspace").filter(agent=agent)
    if number is not None:
        version: AgentVersion | None = versions.filter(number=number).first()
        if version is None:
            raise NotFound(
                f"The agent {agent.name!r} has no version {number}.", code="agent.version_unknown"
            )
        return version
    newest: AgentVersion | None = versions.order_by("-number").first()
    if newest is None:
        raise Conflict(
            f"The agent {agent.name!r} has not been published yet. Publish it first.",
            code="agent.not_published",
        )
    return newest


def has_unpublished_changes(actor: User, agent: Agent) -> bool:
    """Tell whether the draft differs from the newest version, or cannot be published."""
    newest: AgentVersion | None = agent.versions.order_by("-number").first()
    if newest is None:
        return True
    try:
        return build_manifest(actor, agent).content_sha256 != newest.content_sha256
    except (MeaningInvalid, NotFound):
        return True


def build_manifest(actor: User, agent: Agent) -> Manifest:
    """Return what publishing the draft now would pin.

    Raises:
        MeaningInvalid: something is missing; `errors` lists every gap.
    """
    gaps: list[dict[str, Any]] = []
    if agent.instructions is None:
        gaps.append(_gap("instructions", "Choose a published prompt template."))
    provider = agent.provider
    if provider is None:
        gaps.append(_gap("provider", "Choose a model provider."))
    elif provider.api == ModelProvider.Api.RESPONSES and agent.model_settings.get("stop"):
        gaps.append(_gap("model_settings", "The Responses API knows no `stop`; leave it out."))
    tools = list(agent.tools.filter(archived_at__isnull=True).order_by("name"))
    bases = list(agent.knowledge_bases.filter(archived_at__isnull=True).order_by("name"))
    offered = [tool.name for tool in tools] + ([KNOWLEDGE_TOOL] if bases else [])
    if agent.first_tool and agent.first_tool not in offered:
        gaps.append(
            _gap(
                "first_tool",
                f"The agent offers no tool {agent.first_tool!r}; it offers"
                f" {', '.join(offered) or 'none'}.",
            )
        )
    if KNOWLEDGE_TOOL in offered[: len(tools)] and bases:
        gaps.append(_gap("tools", f"The name {KNOWLEDGE_TOOL!r} belongs to the knowledge search."))
    if gaps:
        raise MeaningInvalid(
            f"The agent {agent.name!r} cannot be published: {gaps[0]['detail']}",
            code="agent.incomplete",
            errors=gaps,
        )
    assert agent.instructions is not None
    assert provider is not None
    _check_visible(actor, agent)
    chain = load_chain(agent.instructions.pk)
    return Manifest(
        instructions=InstructionsPin(
            version_id=str(agent.instructions_id),
            reference=chain.entry.reference,
            content_sha256=chain.content_sha256,
            values=agent.variables,
        ),
        model=ModelPin(
            provider_id=str(provider.pk),
            provider=provider.name,
            name=agent.model or provider.default_model,
            settings=agent.model_settings,
        ),
        tools=tuple(_pin(tool) for tool in tools),
        knowledge=tuple(KnowledgePin(base_id=str(base.pk), name=base.name) for base in bases),
        first_tool=agent.first_tool,
        context_tokens=agent.context_tokens,
        max_steps=agent.max_steps,
    )


def _pin(tool: Tool) -> ToolPin:
    version = ToolVersion.objects.filter(tool=tool).order_by("-number").first()
    if version is None:
        raise MeaningInvalid(
            f"The tool {tool.name!r} has no definition.", code="agent.tool_without_version"
        )
    return ToolPin(
        version_id=str(version.pk),
        name=tool.name,
        number=version.number,
        content_sha256=version.content_sha256,
    )


def _gap(field: str, detail: str) -> dict[str, Any]:
    return {"field": field, "code": "agent.incomplete", "detail": detail}


def _locked(actor: User, agent: Agent, *, is_archived: bool = False) -> Agent:
    """Return the agent's row, locked, for an actor who may change it."""
    rows = Agent.objects.visible_to(actor).filter(pk=agent.pk, archived_at__isnull=not is_archived)
    locked: Agent | None = rows.select_for_update(of=("self",)).select_related("workspace").first()
    if locked is None:
        raise NotFound("There is no such agent, or you may not see it.", code="agent.not_found")
    if not Agent.objects.editable_by(actor).filter(pk=agent.pk).exists():
        raise PermissionMissing("You can see this agent, but your role does not let you change it.")
    return locked


def _change(actor: User, agent: Agent, draft: Mapping[str, Any]) -> None:
    """Set the fields of a draft, check them and save the row with its relations."""
    relations = {"instructions", "provider", "tools", "knowledge_bases"}
    unknown = sorted(set(draft) - set(PLAIN_FIELDS) - relations)
    assert not unknown, unknown
    for field in PLAIN_FIELDS:
        if field in draft:
            setattr(agent, field, draft[field])
    for field in ("instructions", "provider"):
        if field in draft:
            setattr(agent, field, draft[field])
    if "model_settings" in draft:
        _check_model_settings(agent.model_settings)
    if not isinstance(agent.variables, dict):
        raise MeaningInvalid("variables: write a JSON object.", code="agent.variables_invalid")
    _save(agent)
    for field in ("tools", "knowledge_bases"):
        if field in draft:
            getattr(agent, field).set(draft[field])
    _check_visible(actor, agent)


def _save(agent: Agent) -> None:
    taken = Agent.objects.active().filter(workspace=agent.workspace, name=agent.name)
    if taken.exclude(pk=agent.pk).exists():
        raise Conflict(
            f"The workspace {agent.workspace.name!r} already has an agent {agent.name!r}.",
            code="agent.name_taken",
        )
    agent.full_clean()
    agent.save()


def _check_visible(actor: User, agent: Agent) -> None:
    """Refuse a draft that uses something which `actor` may not read."""
    wanted: Sequence[tuple[str, models.QuerySet[Any], set[Any]]] = (
        (
            "instructions",
            TemplateVersion.objects.runnable_by(actor),
            {agent.instructions_id} - {None},
        ),
        ("provider", ModelProvider.objects.runnable_by(actor), {agent.provider_id} - {None}),
        ("tools", Tool.objects.runnable_by(actor), {tool.pk for tool in agent.tools.all()}),
        (
            "knowledge_bases",
            KnowledgeBase.objects.runnable_by(actor),
            {base.pk for base in agent.knowledge_bases.all()},
        ),
    )
    for field, queryset, ids in wanted:
        if ids and queryset.filter(pk__in=ids).count() != len(ids):
            raise NotFound(
                f"{field}: something that the agent uses does not exist, or you may not use it.",
                code=f"agent.{field}_not_found",
            )


def _check_model_settings(settings: Any) -> None:
    if not isinstance(settings, dict):
        raise MeaningInvalid("model_settings: write a JSON object.", code="agent.settings_invalid")
    for name, value in settings.items():
        if name == "stop":
            _check_stop(value)
            continue
        if name == "reasoning_effort":
            if value not in REASONING_EFFORTS:
                raise MeaningInvalid(
                    f"model_settings.reasoning_effort: use one of {', '.join(REASONING_EFFORTS)}.",
                    code="agent.settings_invalid",
                )
            continue
        if name not in MODEL_SETTINGS:
            known = ", ".join([*MODEL_SETTINGS, "reasoning_effort", "stop"])
            raise MeaningInvalid(
                f"model_settings: {name!r} is unknown; use {known}.", code="agent.settings_invalid"
            )
        kind, least, most = MODEL_SETTINGS[name]
        if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
            raise MeaningInvalid(
                f"model_settings.{name}: write a number from {least:g} to {most:g}.",
                code="agent.settings_invalid",
            )


def _check_stop(value: Any) -> None:
    if (
        not isinstance(value, list)
        or len(value) > MAX_STOP_TEXTS
        or not all(isinstance(text, str) and 1 <= len(text) <= 40 for text in value)
    ):
        raise MeaningInvalid(
            f"model_settings.stop: write a list of at most {MAX_STOP_TEXTS} texts of 1 to 40"
            " characters.",
            code="agent.settings_invalid",
        )
