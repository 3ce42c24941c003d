"""Workspaces and their members."""

from typing import ClassVar

from django.contrib.auth.models import User
from django.core.validators import RegexValidator
from django.db import models
from typing_extensions import override

from config.common.models import BaseModel
from config.common.roles import ROLE_CHOICES
from workspaces_app.querysets import WorkspaceChildQuerySet, WorkspaceQuerySet

NAME_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"
"""Names that stand in references `workspace/name@version`: lower case, digits and hyphens."""

validate_name = RegexValidator(
    NAME_PATTERN,
    "Use 1 to 64 lower-case letters, digits and hyphens, beginning and ending with a letter or"
    " digit.",
    code="name.invalid",
)


class Workspace(BaseModel):
    """The tenant that every object belongs to."""

    name = models.CharField(max_length=64, unique=True, validators=[validate_name])
    title = models.CharField(max_length=120, blank=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    @override
    def __str__(self) -> str:
        return self.name


class Membership(BaseModel):
    """The role of a user in a workspace."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=ROLE_CHOICES)

    objects = WorkspaceChildQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["workspace", "user"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["workspace", "user"], name="one_membership_per_user_and_workspace"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=[value for value, _ in ROLE_CHOICES]),
                name="membership_role_is_known",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user} in {self.workspace}"
