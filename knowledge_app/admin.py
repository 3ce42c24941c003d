"""Knowledge in the console: bases with upload and search, documents with their passages."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from config.common.admin import ReadOnlyModelAdmin, ScopedModelAdmin, actor_of
from config.common.errors import DomainError
from knowledge_app import services
from knowledge_app.domain.content import document_text
from knowledge_app.domain.passages import Segment, segments
from knowledge_app.models import Chunk, Document, KnowledgeBase
from workspaces_app.models import Workspace
from workspaces_app.services.blobs import read_blob

STATE_TONES = {
    Document.State.QUEUED: "neutral",
    Document.State.RUNNING: "live",
    Document.State.READY: "good",
    Document.State.FAILED: "bad",
}


def state_badge(state: str, text: str) -> SafeString:
    """Return the coloured label of a document's state."""
    tone = STATE_TONES[Document.State(state)]
    return format_html('<span class="ab-badge ab-{}">{}</span>', tone, text)


class WorkspaceFilter(admin.RelatedFieldListFilter):
    """Workspaces of the user; the stock filter would show the names of all."""

    @override
    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Return the workspaces that the user may see."""
        visible = Workspace.objects.visible_to(actor_of(request))
        return [(str(workspace.pk), str(workspace)) for workspace in visible.order_by("name")]


class BaseFilter(admin.RelatedFieldListFilter):
    """Knowledge bases of the user."""

    @override
    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Return the living bases that the user may see."""
        visible = KnowledgeBase.objects.visible_to(actor_of(request)).active()
        return [(str(base.pk), str(base)) for base in visible.order_by("name")]


class ArchivedFilter(admin.SimpleListFilter):
    """Archived bases are shown when asked for."""

    title = "state"
    parameter_name = "state"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer what differs from the default."""
        return [("archived", "Archived")]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the bases of the chosen state."""
        return queryset.filter(archived_at__isnull=self.value() != "archived")


class KnowledgeBaseForm(forms.ModelForm):  # type: ignore[type-arg]  # the admin reads it untyped
    """A base; what decides how documents are cut and indexed is chosen once."""

    @override
    def clean(self) -> dict[str, Any] | None:
        """Ask the service's own rules while the form can still show them."""
        cleaned: dict[str, Any] | None = super().clean()
        if self.instance._state.adding and cleaned is not None and not self.errors:
            for name, value in cleaned.items():
                setattr(self.instance, name, value)
            try:
                services.check_settings(self.instance)
            except DomainError as error:
                raise forms.ValidationError(error.detail, code=error.code) from error
        return cleaned


@admin.register(KnowledgeBase)
class KnowledgeBaseAdmin(ScopedModelAdmin):
    """The list of bases, and the page of one with its documents and its search."""

    form = KnowledgeBaseForm
    list_display = ("heading", "workspace", "documents", "passages", "who_reads", "updated_at")
    list_filter = (ArchivedFilter, ("workspace", WorkspaceFilter), "visibility")
    list_select_related = ("workspace",)
    search_fields = ("name", "title", "description")
    ordering = ("-updated_at",)
    compressed_fields = False
    change_form_outer_before_template = "admin/knowledge_app/knowledgebase/workbench.html"

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("knowledge_app/knowledge.css",)}
        js = (forms.Script("knowledge_app/workbench.js", type="module"),)

    @override
    def get_queryset(self, request: HttpRequest) -> Any:
        """Count documents and passages along."""
        return super().get_queryset(request).with_counts()

    @display(description="Knowledge base", header=True, ordering="name")  # type: ignore[untyped-decorator]  # unfold
    def heading(self, base: KnowledgeBase) -> list[str]:
        """Show the title above the reference."""
        return [str(base), base.reference]

    @admin.display(description="Documents")
    def documents(self, base: Any) -> SafeString:
        """Show how many documents are in which state."""
        parts = [format_html('<span class="ab-badge ab-good">{} ready</span>', base.ready_count)]
        if base.pending_count:
            parts.append(
                format_html('<span class="ab-badge ab-live">{} waiting</span>', base.pending_count)
            )
        if base.failed_count:
            parts.append(
                format_html('<span class="ab-badge ab-bad">{} failed</span>', base.failed_count)
            )
        return SafeString(" ".join(parts))

    @admin.display(description="Passages")
    def passages(self, base: Any) -> int:
        """Show how many passages a search can find."""
        return int(base.chunk_count)

    @admin.display(description="Visibility", ordering="visibility")
    def who_reads(self, base: KnowledgeBase) -> str:
        """Show the visibility in one word."""
        return base.visibility.capitalize()

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Place, name and cut never change: the stored passages were made with them."""
        if obj is None:
            return ()
        return ("workspace", "name", "language", "chunk_tokens", "overlap_tokens")

    @override
    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show what people read first, then how documents are cut."""
        return (
            (
                "Settings" if obj else None,
                {
                    "fields": (
                        ("workspace", "name"),
                        ("title", "visibility"),
                        "description",
                        ("language", "chunk_tokens", "overlap_tokens"),
                    )
                },
            ),
        )

    @override
    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return the form without buttons that edit the workspace in a window."""
        form = super().get_form(request, obj, *args, **kwargs)
        if "workspace" in form.base_fields:
            widget = form.base_fields["workspace"].widget
            widget.can_add_related = widget.can_change_related = widget.can_view_related = False
        return form

    @override
    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer workspaces in which the user may create."""
        if db_field.name == "workspace":
            workspaces = Workspace.objects.editable_by(actor_of(request))
            kwargs["queryset"] = workspaces
            kwargs["initial"] = workspaces.filter(name="default").first() or workspaces.first()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @override
    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the languages that the database knows; keep the description small."""
        if db_field.name == "language":
            kwargs["widget"] = UnfoldAdminSelectWidget(
                choices=[(name, name.capitalize()) for name in services.languages()]
            )
        elif db_field.name == "description":
            kwargs["widget"] = UnfoldAdminTextareaWidget(attrs={"rows": 3})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @override
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add what the workbench needs, and show what a service refuses only now."""
        base = self.get_object(request, object_id) if object_id else None
        context = {
            **(extra_context or {}),
            "workbench": base is not None and base.archived_at is None,
            "may_edit": base is not None and self.has_change_permission(request, base),
            "documents_url": reverse("knowledge-base-document-list", args=[base.pk])
            if base
            else "",
            "search_url": reverse("knowledge-base-search", args=[base.pk]) if base else "",
            "document_api_url": reverse("document-detail", args=["_"]).removesuffix("_/"),
            "document_page_url": reverse("admin:knowledge_app_document_changelist"),
        }
        try:
            return super().changeform_view(request, object_id, form_url, context)  # type: ignore[no-any-return]  # untyped base
        except DomainError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save by the services."""
        data = form.cleaned_data
        actor = actor_of(request)
        if change:
            shown = {name: data[name] for name in ("title", "description", "visibility")}
            services.update_base(actor, base=obj, **shown)
            return
        created = services.create_base(actor, **data)
        obj.pk = created.pk
        obj.__dict__.update(created.__dict__)

    @override
    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Go on to the new base's page, where documents are added."""
        if "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)  # type: ignore[no-any-return]  # untyped base
        self.message_user(request, f"“{obj}” is ready for documents.", messages.SUCCESS)
        return HttpResponseRedirect(
            reverse("admin:knowledge_app_knowledgebase_change", args=[obj.pk])
        )

    @override
    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Archive: agents may have pinned the base."""
        services.archive_base(actor_of(request), base=obj)

    @override
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Archive every chosen base."""
        for base in queryset:
            services.archive_base(actor_of(request), base=base)

    @override
    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        """Say what happened in its own word."""
        self.message_user(request, f"“{obj_display}” is archived.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:knowledge_app_knowledgebase_changelist"))

    @override
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Say what archiving does, instead of listing rows that stay."""
        names = [f"{base} is archived: no list and no search shows it any more." for base in objs]
        return names, {}, set(), []


@admin.register(Document)
class DocumentAdmin(ReadOnlyModelAdmin):
    """Documents: their state, and their text cut into passages."""

    list_display = ("title", "base", "state_label", "chunk_count", "created_by", "created_at")
    list_filter = (("base", BaseFilter), "state")
    list_select_related = ("base", "created_by")
    search_fields = ("title", "blob__filename")
    ordering = ("-id",)
    fields = (("base", "state_label", "chunk_count"), ("media_type", "created_by", "created_at"))
    readonly_fields = ("state_label",)
    change_form_outer_after_template = "admin/knowledge_app/document/viewer.html"

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("knowledge_app/knowledge.css",)}

    @admin.display(description="State", ordering="state")
    def state_label(self, document: Document) -> SafeString:
        """Show the state as a badge."""
        return state_badge(document.state, document.get_state_display())

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Editors of the base delete its documents."""
        return ScopedModelAdmin.has_delete_permission(self, request, obj)

    @override
    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete by the service, with passages and content."""
        services.delete_document(actor_of(request), document=obj)

    @override
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete every chosen document by the service."""
        for document in queryset:
            services.delete_document(actor_of(request), document=document)

    @override
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name the documents; their passages, often thousands, go with them."""
        names = [f"{document}: with its {document.chunk_count} passages" for document in objs]
        refused = {
            str(self.model._meta.verbose_name)
            for document in objs
            if not self.has_delete_permission(request, document)
        }
        return names, {"documents": len(names)}, refused, []

    @override
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add the text, with the passage of the address marked."""
        document = self.get_object(request, object_id) if object_id else None
        context = {**(extra_context or {}), **(_viewer(request, document) if document else {})}
        return super().changeform_view(request, object_id, form_url, context)  # type: ignore[no-any-return]  # untyped base


def _viewer(request: HttpRequest, document: Document) -> dict[str, Any]:
    """Return what the viewer shows: the text in segments, one of them perhaps marked."""
    try:
        text = document_text(read_blob(document.blob))
    except DomainError as error:
        return {"document": document, "viewer_error": error.detail}
    start, end = _offset(request, "start"), _offset(request, "end")
    places = Chunk.objects.filter(document=document).values_list("start", "end", "heading")
    shown: list[Segment] = segments(text, places=list(places), marked=(start, end))
    return {
        "document": document,
        "segments": shown,
        "content_url": reverse("document-content", args=[document.pk]),
        "is_marked": any(segment.is_marked for segment in shown),
    }


def _offset(request: HttpRequest, name: str) -> int:
    """Return a whole number of the address, or 0 for anything else."""
    raw = request.GET.get(name, "")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= 9 else 0
