"""Forms of the tool editor, one per kind, as people type a definition."""

from collections.abc import Mapping
from typing import Any

import orjson
from django import forms
from django.core.exceptions import ValidationError
from typing_extensions import override
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from config.common import strict_json
from config.common.errors import DomainError
from tools_app.domain.definition import (
    DEFAULT_OUTPUT_BYTES,
    DEFAULT_TIMEOUT_S,
    MAX_DESCRIPTION_CHARS,
    Draft,
)
from tools_app.domain.http import METHODS
from tools_app.domain.registry import REGISTRY
from tools_app.models import Tool, ToolVersion
from tools_app.services import complete

_INPUT = UnfoldAdminTextInputWidget
_SELECT = UnfoldAdminSelectWidget
NO_ARGUMENTS = '{\n  "type": "object",\n  "properties": {},\n  "additionalProperties": false\n}'


def _code(rows: int) -> UnfoldAdminTextareaWidget:
    return UnfoldAdminTextareaWidget(
        attrs={"rows": rows, "class": "tool-code", "spellcheck": "false"}
    )


def _number() -> UnfoldAdminIntegerFieldWidget:
    return UnfoldAdminIntegerFieldWidget(attrs={"step": "any", "min": "0"})


class ToolForm(forms.ModelForm):  # type: ignore[type-arg]  # the admin reads it untyped
    """What every kind has; `draft` holds the definition of a valid form."""

    kind_of_form = ""

    description = forms.CharField(
        max_length=MAX_DESCRIPTION_CHARS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="What the model reads to decide when to call the tool.",
    )
    effect = forms.ChoiceField(
        choices=ToolVersion.Effect.choices,
        widget=_SELECT(),
        initial=ToolVersion.Effect.IRREVERSIBLE,
        help_text="What calling it twice would do. It decides about retries and approval.",
    )
    timeout_s = forms.FloatField(
        label="Timeout (seconds)", initial=DEFAULT_TIMEOUT_S, widget=_number()
    )
    max_output_bytes = forms.IntegerField(
        label="Longest result (bytes)",
        initial=DEFAULT_OUTPUT_BYTES,
        widget=_number(),
        help_text="A longer one is cut off with a note.",
    )

    class Meta:
        model = Tool
        fields: tuple[str, ...] = ("kind", "workspace", "name", "title", "visibility", "secret")
        widgets = {"kind": forms.HiddenInput()}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.draft: Draft | None = None
        if "kind" in self.fields:
            self.fields["kind"].initial = self.kind_of_form
            self.initial.setdefault("kind", self.kind_of_form)
        if not self.instance._state.adding:
            version = self.instance.newest_version
            for name in ("description", "effect", "timeout_s", "max_output_bytes"):
                self.initial[name] = getattr(version, name)
            self.initial.update(self.texts_of(version))

    def texts_of(self, version: ToolVersion) -> dict[str, Any]:
        """Return the stored definition as the texts of this kind's own fields."""
        raise NotImplementedError

    def parts_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return `config` and `parameters` of the definition from valid fields."""
        raise NotImplementedError

    def field_of_error(self, pointer: str) -> str:
        """Return the form field that a place in the definition is edited in."""
        return pointer.partition("/")[0]

    @override
    def clean(self) -> dict[str, Any] | None:
        """Check the whole definition as the service will, and show errors where they belong."""
        data: dict[str, Any] = super().clean() or {}
        workspace = data.get("workspace") or getattr(self.instance, "workspace", None)
        if self.errors or workspace is None:
            return data
        name = data.get("name")
        if name and Tool.objects.active().filter(workspace=workspace, name=name).exists():
            self.add_error("name", f"The workspace {workspace.name!r} already has a tool {name!r}.")
            return data
        self.draft = Draft(
            description=data["description"],
            effect=data["effect"],
            timeout_s=data["timeout_s"],
            max_output_bytes=data["max_output_bytes"],
            **self.parts_of(data),
        )
        try:
            complete(self.kind_of_form, self.draft, workspace=workspace, secret=data.get("secret"))
        except DomainError as error:
            pointer = error.errors[0]["field"] if error.errors else ""
            field = self.field_of_error(pointer) if pointer else self._field_of_code(error.code)
            place = pointer.partition("/")[2] if field == "parameters" else ""
            self.add_error(
                field if field in self.fields else None,
                f"At /{place}: {error.detail}" if place else error.detail,
            )
        return data

    def _field_of_code(self, code: str) -> str:
        """Return the field of an error that names no place in the definition."""
        if code.startswith("egress."):
            return "url"
        return "secret" if code.startswith("tool.secret") else ""


class FunctionToolForm(ToolForm):
    """A tool for an installed Python function."""

    kind_of_form = Tool.Kind.FUNCTION

    function = forms.ChoiceField(
        widget=_SELECT(),
        help_text="Installed by the operator with the setting TOOL_MODULES.",
    )

    class Meta(ToolForm.Meta):
        fields = ("kind", "workspace", "name", "title", "visibility")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entries = REGISTRY.all()
        self.fields["function"].choices = [(entry.name, entry.name) for entry in entries]  # type: ignore[attr-defined]
        self.fields["description"].required = False
        self.fields["description"].help_text = "Left empty, the model reads the function's own."
        if self.instance._state.adding:
            self.initial.setdefault("effect", "")
            self.fields["effect"].choices = [  # type: ignore[attr-defined]
                ("", "As the function declares"),
                *ToolVersion.Effect.choices,
            ]
            self.fields["effect"].required = False

    @override
    def texts_of(self, version: ToolVersion) -> dict[str, Any]:
        return {"function": version.config.get("function", "")}

    @override
    def parts_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"config": {"function": data["function"]}}

    @override
    def field_of_error(self, pointer: str) -> str:
        field = super().field_of_error(pointer)
        return "function" if field == "config" else field


class HttpToolForm(ToolForm):
    """A tool that sends an HTTP request."""

    kind_of_form = Tool.Kind.HTTP

    method = forms.ChoiceField(choices=[(name, name) for name in METHODS], widget=_SELECT())
    url = forms.CharField(
        label="URL",
        max_length=2048,
        widget=_INPUT(
            attrs={"class": "tool-code", "placeholder": "https://api.example.com/cities/{city}"}
        ),
        help_text="{name} stands for an argument, in the path and the query only.",
    )
    query = forms.CharField(
        required=False,
        widget=_code(3),
        help_text="One name=value a line, such as days={days}. Left out where the argument is.",
    )
    headers = forms.CharField(
        required=False,
        widget=_code(3),
        help_text="One Name: value a line. Keys belong into a secret, which is kept encrypted.",
    )
    body = forms.CharField(
        required=False,
        strip=False,
        widget=_code(5),
        help_text='JSON with placeholders, such as {"city": "{city}"}; "{*}" sends all arguments.',
    )
    parameters = forms.CharField(
        strip=False,
        initial=NO_ARGUMENTS,
        widget=_code(14),
        help_text="JSON Schema 2020-12 of the arguments; its type is object.",
    )

    @override
    def texts_of(self, version: ToolVersion) -> dict[str, Any]:
        config = version.config
        body = config.get("body")
        return {
            "method": config.get("method", "GET"),
            "url": config.get("url", ""),
            "query": "\n".join(f"{n}={v}" for n, v in config.get("query", {}).items()),
            "headers": "\n".join(f"{n}: {v}" for n, v in config.get("headers", {}).items()),
            "body": "" if body is None else _indented(body),
            "parameters": _indented(version.parameters),
        }

    @override
    def parts_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        config: dict[str, Any] = {"method": data["method"], "url": data["url"]}
        for name in ("query", "headers", "body"):
            if data[name] not in ({}, None):
                config[name] = data[name]
        return {"config": config, "parameters": data["parameters"]}

    @override
    def field_of_error(self, pointer: str) -> str:
        field, _, rest = pointer.partition("/")
        return rest.partition("/")[0] if field == "config" else field

    def clean_query(self) -> dict[str, str]:
        """Return the lines as an object."""
        return _pairs(self.cleaned_data["query"], "=", "days={days}")

    def clean_headers(self) -> dict[str, str]:
        """Return the lines as an object."""
        return _pairs(self.cleaned_data["headers"], ":", "Accept: application/json")

    def clean_body(self) -> object:
        """Return the JSON value; empty means no body."""
        text = self.cleaned_data["body"]
        return _json(text) if text.strip() else None

    def clean_parameters(self) -> dict[str, Any]:
        """Return the schema, which must be an object."""
        value = _json(self.cleaned_data["parameters"])
        if not isinstance(value, dict):
            raise ValidationError("The parameters must be a JSON object that holds a JSON Schema.")
        return value


def _json(text: str) -> object:
    try:
        return strict_json.loads(text)
    except strict_json.StrictJSONError as error:
        line = text.count("\n", 0, error.position or 0) + 1
        raise ValidationError(f"Line {line}: {error.detail}") from error


def _pairs(text: str, separator: str, example: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, found, value = line.partition(separator)
        name = name.strip()
        if not found or not name or name in pairs:
            raise ValidationError(f"Line {number}: write each name once, such as {example}.")
        pairs[name] = value.strip()
    return pairs


def _indented(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
