"""The list of agents, their settings, the builder and the chat."""

from typing import Any

import orjson
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from typing_extensions import override
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from agents_app.admin.builder import builder_data, chat_data, preview
from agents_app.admin.forms import AgentForm
from agents_app.models import Agent, AgentShare, AgentVersion, Run
from agents_app.services import definitions
from agents_app.templatetags.runs import badge, time_ago
from config.common.admin import ScopedInline, ScopedModelAdmin, actor_of
from config.common.errors import DomainError
from config.common.strict_json import StrictJSONError, loads
from workspaces_app.services import audit

MAX_PREVIEW_BYTES = 262_144


class VersionInline(ScopedInline, TabularInline):  # type: ignore[misc]  # unfold has no types
    """The published versions, newest first."""

    model = AgentVersion
    fields = (
        "label",
        "model_name",
        "template_name",
        "tool_count",
        "change_note",
        "created_by",
        "created_at",
    )
    readonly_fields = fields
    extra = 0
    max_num = 0
    can_delete = False
    tab = True
    hide_title = True
    per_page = 20
    show_count = True
    ordering = ("-number",)

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Versions never change."""
        return False

    @override
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The builder publishes."""
        return False

    @admin.display(description="Version")
    def label(self, version: AgentVersion) -> SafeString:
        """Show the number."""
        return badge(f"v{version.number}", "accent")

    @admin.display(description="Model")
    def model_name(self, version: AgentVersion) -> str:
        """Show the pinned model."""
        return str(version.manifest["model"]["name"])

    @admin.display(description="Instructions")
    def template_name(self, version: AgentVersion) -> str:
        """Show the pinned template version."""
        return str(version.manifest["instructions"]["reference"])

    @admin.display(description="Tools")
    def tool_count(self, version: AgentVersion) -> int:
        """Show how many tools are pinned."""
        return len(version.manifest["tools"])


class ShareInline(ScopedInline, TabularInline):  # type: ignore[misc]  # as above
    """Who else may use or change the agent."""

    model = AgentShare
    fields = ("user", "group", "role")
    extra = 0
    tab = True
    hide_title = True
    autocomplete_fields = ("user",)
    verbose_name_plural = "sharing"

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Sharing is for administrators of the agent."""
        mine = Agent.objects.administered_by(actor_of(request))
        return obj is not None and mine.filter(pk=obj.pk).exists()


@admin.register(Agent)
class AgentAdmin(ScopedModelAdmin):
    """Agents: the draft is edited on the builder page, or here as a plain form."""

    form = AgentForm
    list_display = (
        "heading",
        "version_label",
        "model_label",
        "tool_label",
        "last_run",
        "visibility_label",
        "changed",
    )
    list_display_links = None
    list_filter = (
        ("visibility", ChoicesDropdownFilter),
        ("workspace", admin.RelatedOnlyFieldListFilter),
    )
    list_filter_submit = True
    list_select_related = ("workspace", "provider")
    search_fields = ("name", "title", "description")
    search_help_text = "Name, title or description"
    ordering = ("-updated_at",)
    actions = None
    filter_horizontal = ("tools", "knowledge_bases")
    compressed_fields = True
    warn_unsaved_form = True
    inlines = (VersionInline, ShareInline)
    add_fieldsets = ((None, {"fields": ("workspace", "name", "title", "description")}),)
    fieldsets = (
        (None, {"fields": ("name", "title", "description", "visibility")}),
        ("Instructions", {"classes": ["tab"], "fields": ("instructions", "variables")}),
        ("Model", {"classes": ["tab"], "fields": ("provider", "model", "model_settings")}),
        ("Tools and knowledge", {"classes": ["tab"], "fields": ("tools", "knowledge_bases")}),
        (
            "Behaviour",
            {"classes": ["tab"], "fields": ("first_tool", "context_tokens", "max_steps")},
        ),
    )

    @override
    def get_queryset(self, request: HttpRequest) -> Any:
        """Leave out archived agents, and count what the list shows."""
        mine = Run.objects.visible_to(request.user)
        last_run = mine.filter(agent_version__agent=OuterRef("pk")).order_by("-id")
        return (
            super()
            .get_queryset(request)
            .active()
            .annotate(
                tool_count=Count("tools", distinct=True),
                base_count=Count("knowledge_bases", distinct=True),
                last_run_at=Subquery(last_run.values("created_at")[:1]),
            )
        )

    def get_form(self, request: HttpRequest, obj: Agent | None = None, **kwargs: Any) -> Any:
        """Tell the form who is asking."""
        form = super().get_form(request, obj, **kwargs)
        form.actor = actor_of(request)
        return form

    def get_inlines(self, request: HttpRequest, obj: Agent | None) -> Any:
        """A new agent has neither versions nor shares."""
        return self.inlines if obj else ()

    @override
    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer workspaces that the user may create agents in, and what they may use."""
        queryset = db_field.remote_field.model._default_manager.all()
        if db_field.name == "workspace":
            mine = queryset.editable_by(request.user)
            kwargs["queryset"] = mine
            kwargs["initial"] = mine.filter(name="default").first() or mine.first()
        elif hasattr(queryset, "runnable_by"):
            kwargs["queryset"] = queryset.runnable_by(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Keep text areas low, and leave out the buttons that change the row behind a choice."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            for action in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{action}_related", False)
            if isinstance(field.widget, forms.Textarea):
                field.widget.attrs["rows"] = 4
        return field

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer tools and knowledge that the user may use."""
        queryset = db_field.remote_field.model._default_manager.all()
        kwargs["queryset"] = queryset.runnable_by(request.user).active()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Agent, form: Any, change: bool) -> None:
        """Save through the service; the object takes over what it saved."""
        saved = form.save_through_service()
        obj.pk = saved.pk
        obj._state.adding = False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the shares; tools and knowledge were saved by the service."""
        for formset in formsets:
            self.save_formset(request, form, formset, change=change)
            if formset.model is AgentShare and formset.has_changed():
                audit.record(actor_of(request), "agent.shared", form.instance)

    def delete_model(self, request: HttpRequest, obj: Agent) -> None:
        """Archive: runs and versions stay."""
        definitions.archive_agent(actor_of(request), agent=obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Say what archiving does instead of listing rows that stay."""
        lines = [f"{obj}: its runs and versions stay, its name becomes free." for obj in objs]
        return lines, {"agents to archive": len(lines)}, set(), []

    def response_add(self, request: HttpRequest, obj: Agent, post_url_continue: Any = None) -> Any:
        """Go on in the builder."""
        messages.success(request, f"{obj} is created. Give it instructions and a model.")
        return HttpResponseRedirect(reverse("admin:agents_app_agent_build", args=[obj.pk]))

    def get_urls(self) -> list[URLPattern]:
        """Add builder, preview and chat."""
        views = (
            ("build", self.build_view, "build/"),
            ("preview", require_POST(self.preview_view), "build/preview/"),
            ("chat", self.chat_view, "chat/"),
        )
        own = [
            path(
                f"<uuid:agent_id>/{route}",
                self.admin_site.admin_view(view),
                name=f"agents_app_agent_{name}",
            )
            for name, view, route in views
        ]
        return [*own, *super().get_urls()]

    def build_view(self, request: HttpRequest, agent_id: Any) -> HttpResponse:
        """Show the draft beside a chat with the newest version."""
        agent = self._agent(request, agent_id)
        actor = actor_of(request)
        can_edit = self.has_change_permission(request, agent)
        return self._page(
            request,
            agent,
            "build",
            builder_data=builder_data(actor, agent, can_edit=can_edit),
            chat_data=self._chat(request, agent, Run.Purpose.PLAYGROUND),
        )

    def chat_view(self, request: HttpRequest, agent_id: Any) -> HttpResponse:
        """Show the chat alone."""
        agent = self._agent(request, agent_id)
        chat = self._chat(request, agent, Run.Purpose.PRODUCTION)
        return self._page(request, agent, "chat", chat_data=chat)

    def preview_view(self, request: HttpRequest, agent_id: Any) -> HttpResponse:
        """Render the chosen template with the values of the draft."""
        self._agent(request, agent_id)
        try:
            asked: Any = loads(request.body, max_bytes=MAX_PREVIEW_BYTES)
            answer = preview(
                actor_of(request), version_id=str(asked["instructions"]), values=asked["variables"]
            )
        except (StrictJSONError, KeyError, TypeError) as error:
            raise Http404("Send instructions and variables as JSON.") from error
        except DomainError as error:
            problem = {"title": error.title, "detail": error.detail, "code": error.code}
            return JsonResponse(problem, status=error.status)
        return HttpResponse(orjson.dumps(answer), content_type="application/json")

    def _agent(self, request: HttpRequest, agent_id: Any) -> Agent:
        agent: Agent | None = self.get_object(request, str(agent_id))
        if agent is None:
            raise Http404("There is no such agent, or you may not see it.")
        if not self.has_view_permission(request, agent):
            raise PermissionDenied
        return agent

    def _chat(self, request: HttpRequest, agent: Agent, purpose: str) -> dict[str, Any]:
        session_id = request.GET.get("session", "")
        return chat_data(actor_of(request), agent, session_id=session_id, purpose=purpose)

    def _page(self, request: HttpRequest, agent: Agent, name: str, **data: Any) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": agent,
            "agent": agent,
            "title": str(agent),
            **data,
        }
        return TemplateResponse(request, f"admin/agents_app/agent/{name}.html", context)

    @admin.display(description="Agent", ordering=F("name"))
    def heading(self, agent: Agent) -> SafeString:
        """Show title and reference; the link opens the builder."""
        return format_html(
            '<a class="ab-list-title" href="{}"><strong>{}</strong>'
            '<span class="ab-muted">{}</span></a>',
            reverse("admin:agents_app_agent_build", args=[agent.pk]),
            agent,
            agent.reference,
        )

    @admin.display(description="Version", ordering="last_number")
    def version_label(self, agent: Agent) -> SafeString:
        """Show the newest published version."""
        if not agent.last_number:
            return badge("Draft", "warn")
        return badge(f"v{agent.last_number}", "accent")

    @admin.display(description="Model")
    def model_label(self, agent: Agent) -> str:
        """Show the draft's model."""
        if agent.provider is None:
            return "–"
        return agent.model or agent.provider.default_model

    @admin.display(description="Uses")
    def tool_label(self, agent: Any) -> str:
        """Show how many tools and knowledge bases the draft has."""
        parts = [
            f"{number} {noun}{'' if number == 1 else 's'}"
            for number, noun in ((agent.tool_count, "tool"), (agent.base_count, "knowledge base"))
            if number
        ]
        return ", ".join(parts) or "–"

    @admin.display(description="Last run", ordering=F("last_run_at").desc(nulls_last=True))
    def last_run(self, agent: Any) -> SafeString:
        """Show when it was last run."""
        return time_ago(agent.last_run_at)

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, agent: Agent) -> SafeString:
        """Show when the draft was changed last."""
        return time_ago(agent.updated_at)

    @admin.display(description="Visibility", ordering="visibility")
    def visibility_label(self, agent: Agent) -> SafeString:
        """Show who may run it."""
        is_public = agent.visibility == "public"
        return badge("Public" if is_public else "Private", "good" if is_public else "neutral")
