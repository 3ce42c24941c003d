"""API tokens: the plain value is the answer to the request that made it, and to no other."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from config.common.admin import ScopedModelAdmin, actor_of, is_staff
from workspaces_app.models import ApiToken, TokenScope
from workspaces_app.services.tokens import create_token, revoke_token

LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "One year"), ("", "No end"))


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    """What a new token is for."""

    name = forms.CharField(
        max_length=80,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "CI pipeline"}),
        help_text="Where it will be used, so that you know what you revoke.",
    )
    scopes = forms.MultipleChoiceField(
        choices=TokenScope.choices,
        initial=[TokenScope.READ, TokenScope.RUN],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="Grant only what is needed; Administer includes the others.",
    )
    days = forms.ChoiceField(
        label="Valid for",
        choices=LIFETIMES,
        required=False,
        initial="90",
        widget=UnfoldAdminSelectWidget(),
    )

    class Meta:
        model = ApiToken
        fields = ("name", "scopes")


@admin.register(ApiToken)
class ApiTokenAdmin(ScopedModelAdmin):
    """Everybody's own tokens; superusers see all of them."""

    form = TokenForm
    fields = ("name", "scopes", "days")
    list_display = ("name", "prefix", "scope_labels", "owner", "last_used_at", "expiry_label")
    list_display_links = None
    list_select_related = ("user",)
    search_fields = ("name", "token_key", "user__username")
    ordering = ("-created",)
    actions = ("revoke",)

    @override
    def get_queryset(self, request: HttpRequest) -> Any:
        """Keep the user's own tokens."""
        rows = super().get_queryset(request)
        return rows if actor_of(request).is_superuser else rows.filter(user=actor_of(request))

    @override
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let every member of staff have tokens of their own."""
        return is_staff(request) and self._is_own(request, obj)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """As above."""
        return is_staff(request)

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As above."""
        return is_staff(request) and self._is_own(request, obj)

    def _is_own(self, request: HttpRequest, token: Any) -> bool:
        actor = actor_of(request)
        return token is None or actor.is_superuser or token.user_id == actor.pk

    @override
    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A token is never changed, only made and revoked."""
        return False

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Make the token; its plain value goes into the answer of this request alone."""
        days = form.cleaned_data["days"]
        token, plain = create_token(
            actor_of(request),
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            lifetime=timedelta(days=int(days)) if days else None,
        )
        obj.pk, obj.token_key = token.pk, token.token_key
        form.plain_token = plain

    @override
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Keep the value for `response_add`; there is nothing else to save."""
        form.instance.plain_token = form.plain_token

    @override
    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: Any = None
    ) -> HttpResponse:
        """Show the plain value, this once."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Token created",
            "token": obj,
            "plain_token": obj.plain_token,
        }
        response = TemplateResponse(request, "admin/workspaces_app/apitoken/created.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @override
    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Revoke by the service."""
        revoke_token(actor_of(request), token=obj)

    @admin.action(description="Revoke the chosen tokens", permissions=["delete"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        """Revoke every chosen token."""
        with transaction.atomic():
            tokens = list(queryset)
            for token in tokens:
                revoke_token(actor_of(request), token=token)
        number = len(tokens)
        messages.success(request, f"{number} token{'' if number == 1 else 's'} revoked.")

    @override
    def get_actions(self, request: HttpRequest) -> Any:
        """Offer revoking only; deleting is the same thing."""
        return {
            name: action
            for name, action in super().get_actions(request).items()
            if name == "revoke"
        }

    @display(description="Begins with")  # type: ignore[untyped-decorator]  # unfold
    def prefix(self, token: ApiToken) -> SafeString:
        """Show the part that may be shown."""
        return format_html('<span class="ab-mono">{}…</span>', token.token_key)

    @display(description="Scopes", label=True)  # type: ignore[untyped-decorator]  # unfold
    def scope_labels(self, token: ApiToken) -> list[str]:
        """Show each scope as a label."""
        return list(token.scopes)

    @display(description="User", ordering="user__username")  # type: ignore[untyped-decorator]  # unfold
    def owner(self, token: ApiToken) -> str:
        """Show whose token it is."""
        return str(token.user.get_username())

    @display(description="Ends", ordering="expiry")  # type: ignore[untyped-decorator]  # unfold
    def expiry_label(self, token: ApiToken) -> Any:
        """Show when it ends."""
        return token.expiry or "never"
