"""The data of the builder and of the chat beside it."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.urls import reverse

from agents_app.admin.snapshots import snapshots
from agents_app.domain.manifest import KNOWLEDGE_TOOL
from agents_app.models import Agent, AgentVersion, Run
from agents_app.services import definitions
from config.common.errors import DomainError, NotFound
from knowledge_app.models import KnowledgeBase
from sessions_app.models import Session
from templates_app.models import TemplateVersion
from templates_app.services import render_version
from tools_app.models import Tool, ToolVersion
from workspaces_app.models import ModelProvider

SHOWN_VERSIONS = 5
"""Of each template, newest first; the chosen one is always there."""
MAX_OPTIONS = 300
SHOWN_RUNS = 20
"""Of a conversation that is opened again; older ones are on the session's page."""


def builder_data(actor: User, agent: Agent, *, can_edit: bool) -> dict[str, Any]:
    """Return the draft, what it may be made of, and the addresses that the builder calls."""
    admin_url = reverse("admin:index")
    api_url = f"/api/v1/agents/{agent.pk}/"
    return {
        "reference": agent.reference,
        "version": agent.last_number,
        "draft_is_newer": definitions.has_unpublished_changes(actor, agent),
        "can_edit": can_edit,
        "draft": _draft(agent),
        "templates": _template_options(actor, agent),
        "providers": _provider_options(actor, agent),
        "tools": _tool_options(actor, agent),
        "knowledge_bases": _knowledge_options(actor, agent),
        "search_tool": KNOWLEDGE_TOOL,
        "urls": {
            "api": api_url,
            "publish": f"{api_url}publish/",
            "preview": reverse("admin:agents_app_agent_preview", args=[agent.pk]),
            "template": f"{admin_url}templates_app/prompttemplate/__template__/change/",
            "new_template": f"{admin_url}templates_app/prompttemplate/add/",
            "settings": reverse("admin:agents_app_agent_change", args=[agent.pk]),
        },
    }


def chat_data(actor: User, agent: Agent, *, session_id: str, purpose: str) -> dict[str, Any]:
    """Return what the chat needs: the agent, its newest version and the conversation so far."""
    version = AgentVersion.objects.filter(agent=agent).select_related("provider").first()
    session = own_session(actor, session_id)
    return {
        "agent": str(agent.pk),
        "title": str(agent),
        "reference": agent.reference,
        "description": agent.description,
        "workspace": agent.workspace.name,
        "purpose": purpose,
        "version": version.number if version else 0,
        "model": version.manifest["model"]["name"] if version else "",
        "is_demo": bool(version and version.provider.is_demo),
        "session": str(session.pk) if session else None,
        "runs": snapshots(_runs_of(actor, session)) if session else [],
        "run_url": f"{reverse('admin:index')}agents_app/run/__run__/change/",
    }


def preview(actor: User, *, version_id: str, values: dict[str, Any]) -> dict[str, str]:
    """Render a template version with the values of a draft; what is wrong comes back as text."""
    try:
        version = TemplateVersion.objects.visible_to(actor).get(pk=UUID(version_id))
        rendered = render_version(actor, version=version, values=values)
    except (TemplateVersion.DoesNotExist, ValueError) as error:
        raise NotFound("There is no such template version, or you may not see it.") from error
    except DomainError as error:
        details = [f"{entry['field']}: {entry['detail']}" for entry in error.errors]
        return {"text": "", "error": "\n".join(details) or error.detail}
    return {"text": rendered.text, "error": ""}


def own_session(actor: User, session_id: str) -> Session | None:
    """Return the actor's session of this id; None for an empty, broken or foreign one."""
    if not session_id:
        return None
    try:
        return Session.objects.runnable_by(actor).filter(pk=session_id).first()
    except (ValidationError, ValueError):
        return None


def _runs_of(actor: User, session: Session) -> list[Run]:
    newest = (
        Run.objects.visible_to(actor)
        .filter(session=session, parent__isnull=True)
        .select_related("agent_version__agent__workspace", "user")[:SHOWN_RUNS]
    )
    return list(reversed(newest))


def _draft(agent: Agent) -> dict[str, Any]:
    return {
        "title": agent.title,
        "description": agent.description,
        "visibility": agent.visibility,
        "instructions": str(agent.instructions_id) if agent.instructions_id else None,
        "variables": agent.variables,
        "provider": str(agent.provider_id) if agent.provider_id else None,
        "model": agent.model,
        "model_settings": agent.model_settings,
        "tools": [str(tool.pk) for tool in agent.tools.all()],
        "knowledge_bases": [str(base.pk) for base in agent.knowledge_bases.all()],
        "first_tool": agent.first_tool,
        "context_tokens": agent.context_tokens,
        "max_steps": agent.max_steps,
    }


def _template_options(actor: User, agent: Agent) -> list[dict[str, Any]]:
    recent = Q(template__archived_at__isnull=True) & Q(
        number__gt=F("template__last_number") - SHOWN_VERSIONS
    )
    versions = (
        TemplateVersion.objects.runnable_by(actor)
        .filter(recent | Q(pk=agent.instructions_id))
        .select_related("template__workspace")
        .order_by("template__name", "template_id", "-number")[:MAX_OPTIONS]
    )
    return [
        {
            "id": str(version.pk),
            "template": str(version.template_id),
            "title": _labelled(version.template, agent),
            "number": version.number,
            "is_latest": version.number == version.template.last_number,
            "variables": version.variables,
        }
        for version in versions
    ]


def _labelled(row: Any, agent: Agent) -> str:
    """Return the row's title, with its workspace where that is another one."""
    title = str(row)
    return title if row.workspace_id == agent.workspace_id else f"{title} ({row.workspace.name})"


def _provider_options(actor: User, agent: Agent) -> list[dict[str, Any]]:
    providers = (
        ModelProvider.objects.runnable_by(actor)
        .filter(Q(is_enabled=True) | Q(pk=agent.provider_id))
        .select_related("workspace")
        .order_by("is_demo", "name")[:MAX_OPTIONS]
    )
    return [
        {
            "id": str(provider.pk),
            "title": _labelled(provider, agent) + ("" if provider.is_enabled else " (off)"),
            "default_model": provider.default_model,
            "is_demo": provider.is_demo,
        }
        for provider in providers
    ]


def _tool_options(actor: User, agent: Agent) -> list[dict[str, Any]]:
    newest = ToolVersion.objects.filter(tool=OuterRef("pk")).order_by("-number")
    tools = (
        Tool.objects.runnable_by(actor)
        .active()
        .select_related("workspace")
        .annotate(
            newest_description=Subquery(newest.values("description")[:1]),
            newest_effect=Subquery(newest.values("effect")[:1]),
        )
        .order_by("name")[:MAX_OPTIONS]
    )
    effects = dict(ToolVersion.Effect.choices)
    return [
        {
            "id": str(tool.pk),
            "name": tool.name,
            "title": _labelled(tool, agent),
            "note": tool.newest_description or tool.description,
            "badge": str(effects.get(tool.newest_effect, "")).partition(":")[0],
        }
        for tool in tools
    ]


def _knowledge_options(actor: User, agent: Agent) -> list[dict[str, Any]]:
    bases = (
        KnowledgeBase.objects.runnable_by(actor)
        .active()
        .select_related("workspace")
        .annotate(ready=Count("documents", filter=Q(documents__state="ready")))
        .order_by("name")[:MAX_OPTIONS]
    )
    return [
        {
            "id": str(base.pk),
            "name": base.name,
            "title": _labelled(base, agent),
            "note": base.description,
            "badge": f"{base.ready} document{'' if base.ready == 1 else 's'}",
        }
        for base in bases
    ]
