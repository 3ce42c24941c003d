"""The base of every viewset: scoped to the actor from the first line."""

from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db import models
from django.http import Http404
from rest_framework import viewsets
from rest_framework.generics import get_object_or_404
from rest_framework.serializers import BaseSerializer
from typing_extensions import override

from config.common.errors import NotFound, PermissionMissing


class ScopedViewSet(viewsets.GenericViewSet[Any]):
    """List and retrieve what the actor may see; writes are added by the app's own methods.

    `queryset` must offer `visible_to`, `runnable_by` and `editable_by`. A stranger gets 404;
    somebody who sees the object but lacks the role gets 403.
    """

    write_serializer_class: type[BaseSerializer[Any]] | None = None
    required_scopes: ClassVar[dict[str, str]] = {}
    lookup_value_converter = "uuid"

    @property
    def actor(self) -> User:
        """The signed-in user; the permission class let nobody else through."""
        assert isinstance(self.request.user, User)
        return self.request.user

    @override
    def get_queryset(self) -> Any:
        """Return what the actor may read."""
        queryset: Any = super().get_queryset()
        return queryset.visible_to(self.request.user)

    @override
    def get_serializer_class(self) -> Any:
        """Return the write form for input actions, the read form otherwise."""
        if self.write_serializer_class and self.action in {"create", "update", "partial_update"}:
            return self.write_serializer_class
        return super().get_serializer_class()

    def valid_input(self, serializer_class: type[BaseSerializer[Any]] | None = None) -> Any:
        """Return the checked body of the request, as the given form or the action's own."""
        form = serializer_class or self.get_serializer_class()
        serializer = form(
            data=self.request.data,
            context=self.get_serializer_context(),
            partial=self.action == "partial_update",
        )
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def represent(self, instance: models.Model) -> Any:
        """Return the read form of a row."""
        assert self.serializer_class is not None
        return self.serializer_class(instance, context=self.get_serializer_context()).data

    @override
    def get_object(self) -> Any:
        """Return the row of the address that the actor may see."""
        try:
            return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])
        except (Http404, ValueError) as error:
            raise NotFound("There is no such object, or you may not see it.") from error

    def runnable_object(self) -> Any:
        """Return the row; 403 unless the actor may run it."""
        return self._with_right("runnable_by", "run")

    def editable_object(self) -> Any:
        """Return the row; 403 unless the actor may change it."""
        return self._with_right("editable_by", "change")

    def administered_object(self) -> Any:
        """Return the row; 403 unless the actor administers it."""
        return self._with_right("administered_by", "administer")

    def _with_right(self, method: str, verb: str) -> Any:
        row = self.get_object()
        if (
            not getattr(type(row)._default_manager.all(), method)(self.request.user)
            .filter(pk=row.pk)
            .exists()
        ):
            raise PermissionMissing(f"You can see this, but your role does not let you {verb} it.")
        return row
