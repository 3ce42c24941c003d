"""Serializers that refuse unknown input fields."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail


class _RefusesUnknownFields:
    """Input keys that no writable field reads are an error that names them."""

    fields: Any

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            unknown = sorted(str(name) for name in data if name not in known)
            if unknown:
                text = "This field is unknown here. Known: " + ", ".join(sorted(known)) + "."
                raise serializers.ValidationError(
                    {name: [ErrorDetail(text, code="unknown_field")] for name in unknown}
                )
        return super().to_internal_value(data)  # type: ignore[misc]  # the serializer's own


class StrictSerializer(_RefusesUnknownFields, serializers.Serializer[Any]):
    """A serializer without a model."""


class StrictModelSerializer(_RefusesUnknownFields, serializers.ModelSerializer[Any]):
    """A serializer of a model; it never takes an `id` from the input."""


class PlainJSONField(serializers.JSONField):
    """JSON that the strict parser has already checked."""
