"""The list of runs, and the page of one run with its events and timings."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import truncatechars
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.paginator import InfinitePaginator

from agents_app.admin.snapshots import snapshots
from agents_app.models import Run
from agents_app.templatetags.runs import (
    badge,
    nowrap,
    readable_duration,
    run_duration,
    status_badge,
    time_ago,
)
from config.common.admin import ReadOnlyModelAdmin, actor_of


class AgeFilter(admin.SimpleListFilter):
    """Runs of the last hour, day, week or month."""

    title = "accepted"
    parameter_name = "age"

    AGES = {
        "hour": ("Past hour", timedelta(hours=1)),
        "day": ("Past 24 hours", timedelta(days=1)),
        "week": ("Past 7 days", timedelta(days=7)),
        "month": ("Past 30 days", timedelta(days=30)),
    }

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [(key, label) for key, (label, _) in self.AGES.items()]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """Keep the runs of the chosen time."""
        chosen = self.AGES.get(self.value() or "")
        return queryset.filter(created_at__gte=timezone.now() - chosen[1]) if chosen else queryset


@admin.register(Run)
class RunAdmin(ReadOnlyModelAdmin):
    """Runs are looked at; they are started and cancelled through their services."""

    list_display = (
        "input_excerpt",
        "status_label",
        "agent_label",
        "duration",
        "tokens",
        "who",
        "accepted",
    )
    list_display_links = ("input_excerpt",)
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("purpose", ChoicesDropdownFilter),
        AgeFilter,
    )
    list_filter_submit = True
    list_select_related = ("agent_version__agent", "user")
    search_fields = (
        "agent_version__agent__name",
        "agent_version__agent__title",
        "user__username",
        "=id",
    )
    search_help_text = "Agent, user or the id of a run"
    ordering = ("-id",)
    paginator = InfinitePaginator
    actions = None

    @override
    def get_queryset(self, request: HttpRequest) -> Any:
        """Leave out what only the page of one run shows."""
        return super().get_queryset(request).defer("manifest", "checkpoint", "variables", "output")

    @override
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the run; its page follows it while it goes on."""
        run = self.get_object(request, object_id)
        if run is None or not self.has_view_permission(request, run):
            raise Http404("There is no such run, or you may not see it.")
        run = Run.objects.select_related(
            "agent_version__agent__workspace", "agent_version__provider", "user", "session"
        ).get(pk=run.pk)
        actor = actor_of(request)
        agent = run.agent_version.agent
        chat = reverse("admin:agents_app_agent_chat", args=[agent.pk])
        data = {
            **snapshots([run])[0],
            "agent_title": str(agent),
            "is_demo": run.agent_version.provider.is_demo,
            "urls": {
                "agent": reverse("admin:agents_app_agent_build", args=[agent.pk]),
                "chat": f"{chat}?session={run.session_id}" if run.user_id == actor.pk else chat,
                "session": f"{reverse('admin:index')}sessions_app/session/{run.session_id}/change/",
            },
        }
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": truncatechars(run.input, 60),
            "original": run,
            "run": run,
            "run_data": data,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/agents_app/run/run_page.html", context)

    @admin.display(description="Input", ordering="id")
    def input_excerpt(self, run: Run) -> SafeString:
        """Show the beginning of the question."""
        return format_html(
            '<span class="ab-clip" title="{}">{}</span>',
            run.input[:500],
            truncatechars(run.input, 80),
        )

    @admin.display(description="Status", ordering="status")
    def status_label(self, run: Run) -> SafeString:
        """Show the state; a failed run shows its code on hover."""
        return format_html('<span title="{}">{}</span>', run.error_code, status_badge(run))

    @admin.display(description="Agent")
    def agent_label(self, run: Run) -> SafeString:
        """Show agent and version."""
        version = run.agent_version
        return format_html(
            '<span class="ab-nowrap"><a href="{}">{}</a> {}</span>',
            reverse("admin:agents_app_agent_build", args=[version.agent_id]),
            version.agent,
            badge(f"v{version.number}", "accent"),
        )

    @admin.display(description="Duration")
    def duration(self, run: Run) -> str:
        """Show how long it took."""
        return nowrap(readable_duration(run_duration(run)))

    @admin.display(description="Tokens")
    def tokens(self, run: Run) -> str:
        """Show tokens in and out."""
        usage = run.usage or {}
        if not usage:
            return "–"
        return nowrap(f"{usage.get('input_tokens', 0):,} / {usage.get('output_tokens', 0):,}")

    @admin.display(description="User", ordering="user__username")
    def who(self, run: Run) -> str:
        """Show who asked, and for what purpose if it was not real use."""
        name = run.user.get_username()
        is_real = run.purpose == Run.Purpose.PRODUCTION
        return nowrap(name if is_real else f"{name} · {run.get_purpose_display().lower()}")

    @admin.display(description="Accepted", ordering="id")
    def accepted(self, run: Run) -> SafeString:
        """Show how long ago it was accepted."""
        return time_ago(run.created_at)
