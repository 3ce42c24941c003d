"""What every root object has in common: a workspace, a name, a visibility and shares."""

from typing import ClassVar

from django.contrib.auth.models import Group, User
from django.db import models
from typing_extensions import override

from config.common.models import BaseModel
from config.common.roles import ROLE_CHOICES
from workspaces_app.models.workspaces import Workspace, validate_name
from workspaces_app.querysets import OwnedQuerySet


class Visibility(models.TextChoices):
    """Who may read and run an object beside the members of its workspace."""

    PRIVATE = "private", "Private: members of the workspace and people it is shared with"
    PUBLIC = "public", "Public: every signed-in user may read and run it"


class OwnedModel(BaseModel):
    """A root object: it belongs to one workspace, in which its name is unique.

    Deleting an object that something refers to archives it: the name becomes free, the rows stay.
    """

    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    name = models.CharField(max_length=64, validators=[validate_name])
    title = models.CharField(max_length=120, blank=True)
    description = models.TextField(blank=True, max_length=2000)
    visibility = models.CharField(
        max_length=8, choices=Visibility.choices, default=Visibility.PRIVATE
    )
    created_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["workspace", "name"],
                condition=models.Q(archived_at__isnull=True),
                name="%(app_label)s_%(class)s_name_is_unique",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.title or self.name

    @property
    def reference(self) -> str:
        """The name that finds the object from any workspace."""
        return f"{self.workspace.name}/{self.name}"


class Share(BaseModel):
    """A role on one object for one user or one group.

    Each app subclasses it with a foreign key `object`, related name `shares`.
    """

    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+")
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+")
    role = models.CharField(max_length=8, choices=ROLE_CHOICES[:3])

    class Meta:
        abstract = True
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=True) ^ models.Q(group__isnull=True),
                name="%(app_label)s_%(class)s_has_one_grantee",
            ),
            models.UniqueConstraint(
                fields=["object", "user"], name="%(app_label)s_%(class)s_once_per_user"
            ),
            models.UniqueConstraint(
                fields=["object", "group"], name="%(app_label)s_%(class)s_once_per_group"
            ),
        ]
