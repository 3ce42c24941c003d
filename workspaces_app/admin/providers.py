"""Model providers and secrets: values are entered here and never read back."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from config.common.admin import actor_of
from config.common.errors import DomainError
from workspaces_app.admin.audited import AuditedAdmin
from workspaces_app.models import ModelProvider, Secret
from workspaces_app.services.secrets import origin_of, store_secret


def _badge(text: str, tone: str) -> SafeString:
    return format_html('<span class="ab-badge ab-{}">{}</span>', tone, text)


def _write_only(label: str, help_text: str, *, required: bool) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        strip=True,
        max_length=4096,
        help_text=help_text,
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "new-password"}, render_value=False
        ),
    )


class ProviderForm(forms.ModelForm):  # type: ignore[type-arg]  # the admin reads it untyped
    """A provider with its address; the key goes into a secret and never comes back."""

    api_key = _write_only(
        "API key",
        "Stored encrypted, sent to this address only, never shown again. Leave it empty to keep"
        " the one that is stored, or where the server needs none.",
        required=False,
    )

    base_url = forms.URLField(
        label="Address",
        max_length=500,
        assume_scheme="https",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "https://api.openai.com/v1"}),
    )

    class Meta:
        model = ModelProvider
        labels: ClassVar[dict[str, str]] = {
            "api": "API",
            "is_enabled": "Switched on",
            "tool_mode": "Tool calls",
        }
        fields = (
            "workspace",
            "name",
            "title",
            "api",
            "base_url",
            "default_model",
            "tool_mode",
            "is_enabled",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.source != ModelProvider.Source.CUSTOM:
            for name in ("base_url", "api_key"):
                self.fields.pop(name, None)

    @override
    def clean(self) -> dict[str, Any]:
        """Ask for the address, and for the key again when the address has moved."""
        cleaned = super().clean() or {}
        address = cleaned.get("base_url") or ""
        if "base_url" not in self.fields:
            return cleaned
        if not address:
            self.add_error("base_url", "Enter the address, such as https://api.openai.com/v1.")
            return cleaned
        try:
            origin = origin_of(address)
        except DomainError as error:
            self.add_error("base_url", error.detail)
            return cleaned
        kept = self.instance.secret
        if kept is not None and kept.origin != origin and not cleaned.get("api_key"):
            self.add_error(
                "api_key", f"The stored key may only be sent to {kept.origin}; enter it again."
            )
        return cleaned


@admin.register(ModelProvider)
class ModelProviderAdmin(AuditedAdmin):
    """Model servers. Those from the environment and the local model cannot be edited here."""

    form = ProviderForm
    list_display = ("heading", "default_model", "api", "source_label", "key_label", "state_label")
    list_filter = (("source", ChoicesDropdownFilter), ("api", ChoicesDropdownFilter), "is_enabled")
    list_filter_submit = True
    list_select_related = ("workspace", "secret")
    search_fields = ("name", "title", "default_model")
    CUSTOM = (
        (None, {"fields": (("workspace", "name"), ("title", "is_enabled"))}),
        ("Server", {"fields": (("api", "tool_mode"), "base_url", "api_key", "default_model")}),
    )
    GIVEN = (
        (
            None,
            {
                "fields": (
                    ("workspace", "name"),
                    ("title", "is_enabled"),
                    "source",
                    ("api", "tool_mode"),
                    "default_model",
                )
            },
        ),
    )

    @override
    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show address and key only where they are entered here."""
        return self.CUSTOM if obj is None or obj.source == "custom" else self.GIVEN

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The settings decide about the others; here they can be switched on and off."""
        if obj is None:
            return ()
        if obj.source == ModelProvider.Source.CUSTOM:
            return ("workspace", "name")
        return ("workspace", "name", "source", "api", "tool_mode", "default_model")

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What the settings give would come back."""
        is_given = obj is not None and obj.source != ModelProvider.Source.CUSTOM
        return not is_given and super().has_delete_permission(request, obj)

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Store the key, if one was entered, and the provider."""
        key = form.cleaned_data.get("api_key")
        if key:
            obj.secret = store_secret(
                actor_of(request),
                workspace=obj.workspace,
                name=f"{obj.name[:60]}-key",
                value=key,
                origin=obj.base_url,
            )
        super().save_model(request, obj, form, change)

    @display(description="Provider", header=True, ordering="name")  # type: ignore[untyped-decorator]  # unfold
    def heading(self, provider: ModelProvider) -> list[str]:
        """Show title and reference."""
        return [str(provider), f"{provider.workspace.name}/{provider.name}"]

    @display(description="From", ordering="source")  # type: ignore[untyped-decorator]  # unfold
    def source_label(self, provider: ModelProvider) -> SafeString:
        """Show where address and key come from."""
        names = {"custom": "Entered here", "environment": "Environment", "local": "This machine"}
        return _badge(names[provider.source], "neutral")

    @display(description="Key")  # type: ignore[untyped-decorator]  # unfold
    def key_label(self, provider: ModelProvider) -> str:
        """Show that there is a key, at most its last four characters."""
        if provider.secret is None:
            return "–"
        return f"…{provider.secret.last4}" if provider.secret.last4 else "stored"

    @display(description="State", ordering="is_enabled")  # type: ignore[untyped-decorator]  # unfold
    def state_label(self, provider: ModelProvider) -> SafeString:
        """Show whether it answers, and that a demonstration model is one."""
        if not provider.is_enabled:
            return _badge("Off", "neutral")
        return _badge("Demo", "warn") if provider.is_demo else _badge("On", "good")


class SecretForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    """A secret: its value is written and never read."""

    value = _write_only("Value", "Stored encrypted and never shown again.", required=True)
    origin = forms.CharField(
        max_length=255,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "https://api.example.org"}),
        help_text="The only server that may receive it. The value is entered again for another.",
    )

    class Meta:
        model = Secret
        fields = ("workspace", "name", "origin")

    def clean_value(self) -> str:
        """Refuse what the service would refuse."""
        value: str = self.cleaned_data["value"]
        if not value.isprintable():
            raise ValidationError("A secret is one line of printable characters.")
        return value

    def clean_origin(self) -> str:
        """Reduce an address to its origin."""
        try:
            return origin_of(self.cleaned_data["origin"])
        except DomainError as error:
            raise ValidationError(error.detail) from error


@admin.register(Secret)
class SecretAdmin(AuditedAdmin):
    """Secrets of tools and providers."""

    form = SecretForm
    list_display = ("name", "workspace", "origin", "ending", "updated_at")
    list_select_related = ("workspace",)
    search_fields = ("name", "origin")
    fields = ("workspace", "name", "origin", "value")

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The value is bound to the place and the name."""
        return ("workspace", "name") if obj else ()

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Create or replace the value by the service."""
        saved = store_secret(
            actor_of(request),
            workspace=obj.workspace,
            name=obj.name,
            value=form.cleaned_data["value"],
            origin=form.cleaned_data["origin"],
        )
        obj.pk = saved.pk

    @override
    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """The service has written the audit row."""
        return ModelAdmin.log_addition(self, request, obj, message)

    @override
    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """As above."""
        return ModelAdmin.log_change(self, request, obj, message)

    @display(description="Ends with")  # type: ignore[untyped-decorator]  # unfold
    def ending(self, secret: Secret) -> str:
        """Show at most the last four characters."""
        return f"…{secret.last4}" if secret.last4 else "–"
