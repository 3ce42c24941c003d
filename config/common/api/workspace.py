"""The `workspace` field of every root object."""

from typing import Any

from rest_framework import serializers
from typing_extensions import override


class WorkspaceField(serializers.SlugRelatedField[Any]):
    """A workspace by its name; left out, it is the actor's only one or `default`.

    It resolves through the related model's own `visible_to`, so a foreign workspace looks the same
    as one that does not exist.
    """

    default_error_messages = {
        "does_not_exist": "There is no workspace {value!r}, or you are not a member of it.",
        "invalid": "Write the name of a workspace.",
    }

    def __init__(self, **kwargs: Any) -> None:
        """Relate by name; the queryset is the model's own, scoped at use."""
        kwargs.setdefault("slug_field", "name")
        super().__init__(**kwargs)

    @override
    def get_queryset(self) -> Any:
        """Return the workspaces of the request's user."""
        queryset: Any = super().get_queryset()
        request = self.context.get("request")
        return queryset.visible_to(request.user) if request is not None else queryset
