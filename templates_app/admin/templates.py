"""The list of templates and their editor with a live preview.

A template is saved once, in `save_related`, when the form and the list of variables are both
valid: both go to one service call.
"""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from typing_extensions import override
from unfold.admin import StackedInline
from unfold.decorators import action, display

from config.common import strict_json
from config.common.admin import ScopedInline, ScopedModelAdmin, actor_of
from config.common.errors import DomainError, FormInvalid, NotFound
from templates_app.admin.filters import StateFilter, WorkspaceFilter
from templates_app.admin.forms import TemplateForm, VariableForm, VariableFormSet
from templates_app.admin.versions import chosen_versions, differences
from templates_app.domain.form_texts import declaration_from_texts
from templates_app.errors import TemplateInvalid
from templates_app.models import PromptTemplate, TemplateVariable
from templates_app.services import (
    Preview,
    archive_template,
    create_template,
    preview_draft,
    preview_text,
    publish_version,
    restore_template,
    update_draft,
)
from workspaces_app.models import Workspace
from workspaces_app.services.access import workspace_named


class VariableInline(ScopedInline, StackedInline):  # type: ignore[misc]  # unfold has no types
    """The variables of a draft."""

    model = TemplateVariable
    form = VariableForm
    formset = VariableFormSet
    extra = 0
    verbose_name = "variable"
    verbose_name_plural = "Variables"
    collapsible = True
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "type", "required"),
                    "description",
                    ("default", "example"),
                    ("minimum", "maximum"),
                    "pattern",
                    "choices",
                )
            },
        ),
    )


@admin.register(PromptTemplate)
class PromptTemplateAdmin(ScopedModelAdmin):
    """The list and the editor."""

    form = TemplateForm
    inlines = (VariableInline,)
    list_display = (
        "heading",
        "workspace",
        "version_label",
        "tag_labels",
        "visibility_label",
        "updated_at",
    )
    list_filter = (StateFilter, ("workspace", WorkspaceFilter), "visibility")
    list_select_related = ("workspace",)
    search_fields = ("name", "title", "description", "tags")
    ordering = ("-updated_at",)
    actions = ("restore",)
    actions_detail = ("versions",)
    warn_unsaved_form = True
    change_form_after_template = "admin/templates_app/prompttemplate/preview.html"
    compressed_fields = False
    fieldsets = (
        (None, {"fields": (("title", "visibility"), ("workspace", "name"))}),
        (None, {"fields": ("body",)}),
        (None, {"fields": ("description", "tags")}),
    )

    class Media:
        css = {"all": ("templates_app/editor.css",)}
        js = (forms.Script("templates_app/editor.js", type="module"),)

    @display(description="Template", header=True, ordering="name")  # type: ignore[untyped-decorator]  # unfold
    def heading(self, template: PromptTemplate) -> list[str]:
        """Show the title above the reference."""
        return [str(template), template.reference]

    @display(description="Version", ordering="last_number", label={"draft": "warning"})  # type: ignore[untyped-decorator]  # unfold
    def version_label(self, template: PromptTemplate) -> str:
        """Show the newest version."""
        return f"v{template.last_number}" if template.last_number else "draft"

    @display(description="Tags", label=True)  # type: ignore[untyped-decorator]  # unfold
    def tag_labels(self, template: PromptTemplate) -> list[str]:
        """Show each tag as a label."""
        return list(template.tags)

    @display(description="Visibility", ordering="visibility", label={"Public": "success"})  # type: ignore[untyped-decorator]  # unfold
    def visibility_label(self, template: PromptTemplate) -> str:
        """Show the first word; the form explains it."""
        return template.visibility.capitalize()

    @action(description="Restore archived templates", permissions=["change"])  # type: ignore[untyped-decorator]  # unfold
    def restore(self, request: HttpRequest, queryset: QuerySet[PromptTemplate]) -> None:
        """Bring back the chosen templates, or say why not."""
        for template in queryset:
            try:
                restore_template(actor_of(request), template=template)
            except DomainError as error:
                self.message_user(request, error.detail, messages.ERROR)
            else:
                self.message_user(request, f"{template.reference} is back.", messages.SUCCESS)

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The place and name of a template never change."""
        return ("workspace", "name") if obj else ()

    @override
    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the workspaces in which the user may create, with their own one chosen."""
        if db_field.name == "workspace":
            workspaces = Workspace.objects.editable_by(actor_of(request))
            kwargs["queryset"] = workspaces
            kwargs["initial"] = workspaces.order_by("-name").filter(name="default").first()
            kwargs["initial"] = kwargs["initial"] or workspaces.first()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @override
    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Leave out the buttons that would edit the workspace in a window of its own."""
        form = super().get_form(request, *args, **kwargs)
        if "workspace" in form.base_fields:
            widget = form.base_fields["workspace"].widget
            widget.can_add_related = widget.can_change_related = widget.can_view_related = False
        return form

    @override
    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Make room for the button that publishes."""
        context["show_save_and_add_another"] = False
        return super().render_change_form(request, context, *args, **kwargs)

    @override
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show what a service refuses only now, such as a name taken meanwhile."""
        try:
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[no-any-return]  # untyped base
        except DomainError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Wait for the variables."""

    @override
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the draft with its variables by the service."""
        fields = {
            name: form.cleaned_data[name]
            for name in ("title", "description", "tags", "visibility", "body")
            if name in form.cleaned_data
        }
        variables = formsets[0].declarations()
        actor = actor_of(request)
        if change:
            saved = update_draft(actor, template=form.instance, variables=variables, **fields)
        else:
            saved = create_template(
                actor,
                workspace=form.cleaned_data["workspace"],
                name=form.cleaned_data["name"],
                variables=variables,
                **fields,
            )
        form.instance.__dict__.update(saved.__dict__)

    @override
    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> str:
        """The audit trail has the details."""
        return "Created." if add else "Changed."

    @override
    def response_add(self, request: HttpRequest, obj: Any, *args: Any) -> HttpResponse:
        """Publish too, if that button was pressed."""
        return self._published(request, obj) or super().response_add(request, obj, *args)

    @override
    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Publish too, if that button was pressed."""
        return self._published(request, obj) or super().response_change(request, obj)

    def _published(self, request: HttpRequest, template: PromptTemplate) -> HttpResponse | None:
        if "_publish" not in request.POST:
            return None
        note = str(request.POST.get("change_note", ""))[:300]
        try:
            version = publish_version(actor_of(request), template=template, change_note=note)
        except TemplateInvalid as error:
            self.message_user(request, "The draft is saved but not published.", messages.WARNING)
            for entry in error.errors or [{"detail": error.detail, "line": None}]:
                place = f"Line {entry['line']}: " if entry.get("line") else ""
                self.message_user(request, f"{place}{entry['detail']}", messages.ERROR)
        else:
            self.message_user(request, f"Published {version.reference}.", messages.SUCCESS)
        return HttpResponseRedirect(_address("change", template.pk))

    @override
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Nothing is deleted: versions stay for what pins them."""
        return [f"{template} (archived, can be restored)" for template in objs], {}, set(), []

    @override
    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show why a template cannot be archived."""
        try:
            return super().delete_view(request, *args, **kwargs)  # type: ignore[no-any-return]  # untyped base
        except DomainError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(_address("changelist"))

    @override
    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Archive the template."""
        archive_template(actor_of(request), template=obj)

    @override
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[PromptTemplate]) -> None:
        """Archive one by one, so that one that is in use does not hold the others."""
        for template in queryset:
            try:
                archive_template(actor_of(request), template=template)
            except DomainError as error:
                self.message_user(request, error.detail, messages.ERROR)

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add the preview that the editor fetches, and the page of versions."""
        view = self.admin_site.admin_view
        own = [
            path("preview/", view(self.preview), name="templates_app_prompttemplate_preview"),
            path(
                "<uuid:pk>/versions/",
                view(self.versions_page),
                name="templates_app_prompttemplate_versions",
            ),
        ]
        return own + super().get_urls()  # type: ignore[no-any-return]  # untyped base

    @action(description="Versions", icon="history")  # type: ignore[untyped-decorator]  # unfold
    def versions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the page of versions."""
        return HttpResponseRedirect(_address("versions", object_id))

    def preview(self, request: HttpRequest) -> JsonResponse:
        """Answer how the text in the form looks, with everything that is wrong with it."""
        if request.method != "POST" or not self.has_view_permission(request):
            raise Http404
        try:
            preview = _preview_of(actor_of(request), strict_json.loads(request.body))
        except strict_json.StrictJSONError as error:
            return JsonResponse({"code": error.code, "detail": error.detail}, status=400)
        except DomainError as error:
            return JsonResponse({"code": error.code, "detail": error.detail}, status=error.status)
        return JsonResponse(preview.to_json())

    def versions_page(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """List the versions, and compare two of them."""
        template = self.get_object(request, str(pk))
        if template is None or not self.has_view_permission(request, template):
            raise Http404
        versions = list(template.versions.select_related("created_by")[:200])
        newer, older = chosen_versions(request, versions)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Versions of {template}",
            "opts": self.opts,
            "template": template,
            "versions": versions,
            "newer": newer,
            "older": older,
            "differences": differences(older, newer) if newer and older else [],
        }
        return TemplateResponse(
            request, "admin/templates_app/prompttemplate/versions.html", context
        )


def _preview_of(actor: User, body: Any) -> Preview:
    """Read the editor's request: a template or a workspace, texts of the form, and values."""
    if not isinstance(body, dict) or not isinstance(body.get("values"), dict):
        raise FormInvalid("Send an object with `body`, `variables` and `values`.")
    rows = body.get("variables")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FormInvalid("`variables` is a list of objects.")
    text = str(body.get("body", ""))
    variables = [declaration_from_texts(row) for row in rows]
    if body.get("template"):
        return preview_draft(
            actor,
            template=_template_of(actor, str(body["template"])),
            body=text,
            variables=variables,
            values=body["values"],
        )
    workspace = workspace_named(actor, str(body.get("workspace") or "") or None)
    return preview_text(
        actor, workspace=workspace, body=text, variables=variables, values=body["values"]
    )


def _template_of(actor: User, key: str) -> PromptTemplate:
    try:
        found = PromptTemplate.objects.visible_to(actor).filter(pk=UUID(key)).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound("There is no such template, or you may not see it.")
    assert isinstance(found, PromptTemplate)
    return found


def _address(page: str, *arguments: Any) -> str:
    return reverse(f"admin:templates_app_prompttemplate_{page}", args=arguments)
