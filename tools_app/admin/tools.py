"""The list of tools and their editor with a panel for trials."""

from typing import Any, ClassVar

import orjson
from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from typing_extensions import override
from unfold.admin import TabularInline
from unfold.decorators import action, display

from config.common.admin import ScopedModelAdmin, actor_of
from config.common.errors import DomainError
from tools_app.admin.forms import FunctionToolForm, HttpToolForm, ToolForm
from tools_app.domain.registry import REGISTRY
from tools_app.models import Tool, ToolVersion
from tools_app.services import archive_tool, create_tool, latest_version, restore_tool, update_tool
from workspaces_app.models import Secret, Workspace

FORMS: dict[str, type[ToolForm]] = {"http": HttpToolForm, "function": FunctionToolForm}
EFFECT_COLOURS = {
    "Read": "success",
    "Idempotent": "info",
    "Write": "warning",
    "Irreversible": "danger",
}


class WorkspaceFilter(admin.RelatedFieldListFilter):
    """Workspaces of the user; the stock filter would show the names of all."""

    @override
    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Return the workspaces that the user may see."""
        visible = field.remote_field.model.objects.visible_to(actor_of(request))
        return [(str(workspace.pk), str(workspace)) for workspace in visible.order_by("name")]


class StateFilter(admin.SimpleListFilter):
    """Archived tools are shown when asked for."""

    title = "state"
    parameter_name = "state"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer what differs from the default."""
        return [("archived", "Archived")]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the tools of the chosen state."""
        return queryset.filter(archived_at__isnull=self.value() != "archived")


class EffectFilter(admin.SimpleListFilter):
    """By the effect of the newest version."""

    title = "effect"
    parameter_name = "effect"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer every effect."""
        return [(value, value.capitalize()) for value in ToolVersion.Effect.values]

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Keep the tools with the chosen effect."""
        value = self.value()
        return queryset.with_effect(value) if value in ToolVersion.Effect.values else queryset


class VersionInline(TabularInline):  # type: ignore[misc]  # unfold has no types
    """The versions of a tool, to look at."""

    model = ToolVersion
    verbose_name_plural = "Versions"
    fields = ("number", "effect", "description", "timeout_s", "created_by", "created_at")
    readonly_fields = fields
    ordering = ("-number",)
    extra = 0
    max_num = 0
    can_delete = False
    hide_title = True
    tab = True
    per_page = 20

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Versions never change."""
        return False

    @override
    def get_queryset(self, request: HttpRequest) -> Any:
        """Load the authors along."""
        return super().get_queryset(request).select_related("created_by", "tool")


@admin.register(Tool)
class ToolAdmin(ScopedModelAdmin):
    """The list and the editor."""

    list_display = (
        "heading",
        "kind_label",
        "effect_label",
        "version_label",
        "workspace",
        "updated_at",
    )
    list_filter = (StateFilter, "kind", EffectFilter, ("workspace", WorkspaceFilter), "visibility")
    search_fields = ("name", "title", "description")
    ordering = ("-updated_at",)
    actions = ("restore",)
    inlines = (VersionInline,)
    warn_unsaved_form = True
    compressed_fields = False
    change_form_outer_before_template = "admin/tools_app/tool/kinds.html"
    change_form_outer_after_template = "admin/tools_app/tool/trial.html"

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("tools_app/tool.css",)}
        js = (forms.Script("tools_app/tool.js", type="module"),)

    # --- List ---------------------------------------------------------------------------------

    @override
    def get_queryset(self, request: HttpRequest) -> Any:
        """Load what the list shows of the newest versions."""
        return super().get_queryset(request).with_latest_version()

    @display(description="Tool", header=True, ordering="name")  # type: ignore[untyped-decorator]  # unfold
    def heading(self, tool: Tool) -> list[str]:
        """Show the title above the reference."""
        return [str(tool), tool.reference]

    @display(description="Kind", ordering="kind", label=True)  # type: ignore[untyped-decorator]  # unfold
    def kind_label(self, tool: Tool) -> str:
        """Show the kind in words."""
        return str(tool.get_kind_display())

    @display(description="Effect", label=EFFECT_COLOURS)  # type: ignore[untyped-decorator]  # unfold
    def effect_label(self, tool: Tool) -> str:
        """Show the effect with the colour of its danger."""
        return latest_version(tool).effect.capitalize()

    @display(description="Version", ordering="last_number")  # type: ignore[untyped-decorator]  # unfold
    def version_label(self, tool: Tool) -> str:
        """Show the newest version."""
        return f"v{tool.last_number}"

    @action(description="Restore archived tools", permissions=["change"])  # type: ignore[untyped-decorator]  # unfold
    def restore(self, request: HttpRequest, queryset: QuerySet[Tool]) -> None:
        """Bring back the chosen tools, or say why not."""
        for tool in queryset:
            try:
                restore_tool(actor_of(request), tool=tool)
            except DomainError as error:
                self.message_user(request, error.detail, messages.ERROR)
            else:
                self.message_user(request, f"{tool.reference} is back.", messages.SUCCESS)

    # --- Editor -------------------------------------------------------------------------------

    @override
    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """A new tool has no versions to show."""
        return self.inlines if obj else ()

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The place and name of a tool never change."""
        return ("workspace", "name") if obj else ()

    @override
    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show what the kind needs."""
        head = ("kind", ("title", "visibility"), ("workspace", "name"))
        tail = ("Limits", {"fields": ("effect", ("timeout_s", "max_output_bytes"))})
        if _kind_of(request, obj) == Tool.Kind.FUNCTION:
            return (
                (None, {"fields": head}),
                ("Function", {"fields": ("function", "description")}),
                tail,
            )
        return (
            (None, {"fields": (*head, "description")}),
            ("Arguments", {"fields": ("parameters",)}),
            (
                "Request",
                {"fields": (("method", "secret"), "url", ("query", "headers"), "body")},
            ),
            tail,
        )

    @override
    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return the form of the kind, without buttons that edit related rows in a window."""
        kwargs["form"] = FORMS[_kind_of(request, obj)]
        form = super().get_form(request, obj, *args, **kwargs)
        for name in {"workspace", "secret"} & set(form.base_fields):
            widget = form.base_fields[name].widget
            widget.can_add_related = widget.can_change_related = widget.can_view_related = False
        return form

    @override
    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer workspaces in which the user may create, and secrets that they may see."""
        actor = actor_of(request)
        if db_field.name == "workspace":
            workspaces = Workspace.objects.editable_by(actor)
            kwargs["queryset"] = workspaces
            kwargs["initial"] = workspaces.filter(name="default").first() or workspaces.first()
        elif db_field.name == "secret":
            kwargs["queryset"] = Secret.objects.visible_to(actor)
            kwargs["help_text"] = "Sent as a bearer token to the secret's own address only."
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @override
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add what the panels show, and show what a service refuses only now."""
        tool = self.get_object(request, object_id) if object_id else None
        context = {
            **(extra_context or {}),
            "tool_kind": _kind_of(request, tool),
            "tool_functions": _functions_json(),
            **(self._trial_context(request, tool) if tool else {}),
        }
        try:
            return super().changeform_view(request, object_id, form_url, context)  # type: ignore[no-any-return]  # untyped base
        except DomainError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def _trial_context(self, request: HttpRequest, tool: Tool) -> dict[str, Any]:
        may_run = Tool.objects.runnable_by(actor_of(request)).filter(pk=tool.pk).exists()
        version = latest_version(tool)
        return {
            "trial_url": reverse("tool-try-out", args=[tool.pk]) if may_run else "",
            "trial_schema": orjson.dumps(version.parameters).decode(),
            "trial_effect": version.effect,
            "trial_version": version.number,
        }

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save by the services."""
        data = form.cleaned_data
        options = {
            "draft": form.draft,
            "title": data["title"],
            "visibility": data["visibility"],
            "secret": data.get("secret"),
        }
        if change:
            saved = update_tool(actor_of(request), tool=obj, **options)
        else:
            saved = create_tool(
                actor_of(request),
                workspace=data["workspace"],
                name=data["name"],
                kind=form.kind_of_form,
                **options,
            )
        obj.__dict__.update(saved.__dict__)

    @override
    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> str:
        """The audit trail has the details."""
        return "Created." if add else "Changed."

    # --- Archiving ----------------------------------------------------------------------------

    @override
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Nothing is deleted: versions stay for what pins them."""
        return [f"{tool} (archived, can be restored)" for tool in objs], {}, set(), []

    @override
    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Archive the tool."""
        archive_tool(actor_of(request), tool=obj)

    @override
    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        """Say what happened: the tool can come back."""
        self.message_user(
            request,
            f"{obj_display} is archived; find it under the state Archived.",
            messages.SUCCESS,
        )
        return HttpResponseRedirect(reverse("admin:tools_app_tool_changelist"))

    @override
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Tool]) -> None:
        """Archive one by one."""
        for tool in queryset:
            archive_tool(actor_of(request), tool=tool)


def _kind_of(request: HttpRequest, tool: Tool | None) -> str:
    """Return the kind of a stored tool, or the one that the page for a new one asks for."""
    if tool is not None:
        return str(tool.kind)
    wanted = request.POST.get("kind") or request.GET.get("kind") or ""
    return wanted if wanted in FORMS else "http"


def _functions_json() -> str:
    """Return what the editor shows of each installed function."""
    return orjson.dumps(
        {
            entry.name: {
                "description": entry.description,
                "parameters": entry.parameters,
                "effect": entry.effect,
                "timeout_s": entry.timeout_s,
            }
            for entry in REGISTRY.all()
        }
    ).decode()
