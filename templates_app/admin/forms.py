"""Forms of the template editor: a draft and its list of variables, as people type them."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from typing_extensions import override
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from config.common.errors import DomainError
from templates_app.domain.form_texts import declaration_from_texts, texts_from_declaration
from templates_app.domain.source import storable_body
from templates_app.domain.tags import normal_tags
from templates_app.domain.variables import valid_declarations
from templates_app.errors import DeclarationsInvalid
from templates_app.models import PromptTemplate, TemplateVariable
from templates_app.services import declaration_of

_INPUT = UnfoldAdminTextInputWidget
_LINES = UnfoldAdminTextareaWidget


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]  # the admin reads it untyped
    """The draft of a template, without its variables."""

    body = forms.CharField(
        label="Text",
        required=False,
        strip=False,
        widget=_LINES(attrs={"rows": 22, "class": "template-body", "spellcheck": "false"}),
        help_text="Jinja syntax: {{ name }}, {% if %}, {% for %}. Extend a published version with"
        ' {% extends "name@3" %}, include one with {% include "name@3" %}.',
    )
    tags = forms.CharField(
        required=False, widget=_INPUT(), help_text="Separated by commas: support, mail"
    )
    description = forms.CharField(
        required=False,
        max_length=2000,
        widget=_LINES(attrs={"rows": 2}),
        help_text="What it is for.",
    )

    class Meta:
        model = PromptTemplate
        fields = ("workspace", "name", "title", "description", "tags", "visibility", "body")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "tags" in self.fields:
            self.initial["tags"] = ", ".join(self.instance.tags)

    def clean_tags(self) -> list[str]:
        """Return the tags as a list."""
        tags: list[str] = _checked(normal_tags, self.cleaned_data["tags"].split(","))
        return tags

    def clean_body(self) -> str:
        """Refuse what no draft may hold; everything else can wait until publishing."""
        body: str = _checked(storable_body, self.cleaned_data["body"])
        return body

    @override
    def clean(self) -> dict[str, Any] | None:
        """Say that a name is taken at the name, not at the top of the page."""
        cleaned = super().clean() or {}
        workspace, name = cleaned.get("workspace"), cleaned.get("name")
        taken = PromptTemplate.objects.active().filter(workspace=workspace, name=name)
        if workspace and name and taken.exclude(pk=self.instance.pk).exists():
            self.add_error(
                "name", f"There is already a template {name!r} in this workspace; choose another."
            )
        return cleaned


class VariableForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    """One declaration, every member as a person types it."""

    name = forms.CharField(max_length=64, widget=_INPUT(attrs={"placeholder": "customer_name"}))
    type = forms.ChoiceField(
        choices=TemplateVariable.Type.choices,
        initial=TemplateVariable.Type.STRING,
        widget=UnfoldAdminSelectWidget(),
    )
    required = forms.BooleanField(required=False, initial=True, widget=UnfoldBooleanSwitchWidget())
    default = forms.CharField(
        required=False, strip=False, widget=_LINES(attrs={"rows": 1}), help_text="If left out."
    )
    example = forms.CharField(
        required=False, strip=False, widget=_LINES(attrs={"rows": 1}), help_text="For previews."
    )
    description = forms.CharField(required=False, max_length=300, widget=_INPUT())
    minimum = forms.CharField(required=False, max_length=24, widget=_INPUT())
    maximum = forms.CharField(required=False, max_length=24, widget=_INPUT())
    pattern = forms.CharField(required=False, max_length=500, strip=False, widget=_INPUT())
    choices = forms.CharField(
        required=False, widget=_LINES(attrs={"rows": 3}), help_text="One per line."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial.update(texts_from_declaration(declaration_of(self.instance)))

    class Meta:
        model = TemplateVariable
        fields = ()

    def _post_clean(self) -> None:
        """Leave the row alone: the whole list is checked and saved as one."""


class VariableFormSet(PaginationInlineFormSet):  # type: ignore[misc]  # unfold has no types
    """The list of variables, checked as a whole by the same rule as in the API."""

    @override
    def clean(self) -> None:
        """Put every error on the variable that it is about."""
        if any(form.errors for form in self.forms):
            return
        try:
            valid_declarations(self.declarations())
        except DeclarationsInvalid as error:
            forms_by_name = {form.cleaned_data.get("name"): form for form in self._kept()}
            for entry in error.errors:
                form = forms_by_name.get(entry["field"])
                if form is None:
                    raise ValidationError(entry["detail"]) from error
                form.add_error("name", entry["detail"])

    def declarations(self) -> list[dict[str, Any]]:
        """Return the declarations as JSON, in the order of the page."""
        return [declaration_from_texts(form.cleaned_data) for form in self._kept()]

    def _kept(self) -> list[VariableForm]:
        return [
            form
            for form in self.forms
            if form not in self.deleted_forms and (form.instance.pk or form.has_changed())
            if form.cleaned_data.get("name")
        ]

    @override
    def validate_unique(self) -> None:
        """Names are compared by `clean`."""


def _checked(rule: Any, value: Any) -> Any:
    """Apply a rule of the domain and report its refusal at the field."""
    try:
        return rule(value)
    except DomainError as error:
        raise ValidationError(error.detail, code=error.code) from error
