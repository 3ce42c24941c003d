"""Prompt templates: one editable draft each, and published versions that never change."""

from typing import ClassVar

import pgtrigger
from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db import models
from typing_extensions import override

from config.common.models import BaseModel
from templates_app.querysets import TemplateVersionQuerySet
from workspaces_app.models import OwnedModel, Share


class PromptTemplate(OwnedModel):
    """A prompt that staff write; `body` and the variables are its draft.

    The body is Jinja syntax. `{% extends "workspace/name@3" %}` pins a published version.
    """

    body = models.TextField(blank=True, max_length=65_536)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    last_number = models.PositiveIntegerField(default=0, editable=False)

    class Meta(OwnedModel.Meta):
        verbose_name = "prompt template"


class TemplateVariable(BaseModel):
    """The declaration of one variable of a draft."""

    class Type(models.TextChoices):
        STRING = "string", "String (one line)"
        TEXT = "text", "Text"
        INTEGER = "integer", "Integer"
        NUMBER = "number", "Number"
        BOOLEAN = "boolean", "Boolean"
        ENUM = "enum", "Choice"
        DATE = "date", "Date"
        LIST = "list", "List"

    template = models.ForeignKey(PromptTemplate, models.CASCADE, related_name="variables")
    name = models.CharField(max_length=64)
    type = models.CharField(max_length=8, choices=Type.choices, default=Type.STRING)
    is_required = models.BooleanField(default=True)
    default = models.JSONField(null=True, blank=True)
    """None means that there is no default."""
    description = models.CharField(max_length=300, blank=True)
    example = models.JSONField(null=True, blank=True)
    constraints = models.JSONField(default=dict, blank=True)
    """`min`, `max`, `min_length`, `max_length`, `pattern`, `choices`, as the type allows."""
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["template", "name"], name="variable_name_is_unique_in_its_template"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class TemplateVersion(BaseModel):
    """A published version: immutable, numbered from 1 without gaps."""

    template = models.ForeignKey(PromptTemplate, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    body = models.TextField()
    variables = models.JSONField(default=list)
    """The declarations of the version and of its parents, merged; see domain/variables.py."""
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children"
    )
    content_sha256 = models.CharField(max_length=64)
    change_note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    objects = TemplateVersionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["template", "-number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["template", "number"], name="version_number_is_unique_in_its_template"
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Protect(name="template_version_is_immutable", operation=pgtrigger.Update),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.template} v{self.number}"

    @property
    def reference(self) -> str:
        """The text that pins this version from any workspace."""
        return f"{self.template.reference}@{self.number}"


class TemplateVersionLink(BaseModel):
    """One version that another one extends, includes or imports."""

    class Kind(models.TextChoices):
        EXTENDS = "extends", "Extends"
        INCLUDE = "include", "Includes"
        IMPORT = "import", "Imports"

    version = models.ForeignKey(TemplateVersion, models.CASCADE, related_name="links")
    target = models.ForeignKey(TemplateVersion, models.PROTECT, related_name="referrers")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    written = models.CharField(max_length=140)
    """The reference as it stands in the body."""

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["version", "written"], name="link_is_unique_in_its_version"
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Protect(name="template_link_is_immutable", operation=pgtrigger.Update),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.version} {self.kind} {self.written}"


class PromptTemplateShare(Share):
    """A role on one template for one user or group."""

    object = models.ForeignKey(PromptTemplate, models.CASCADE, related_name="shares")

    class Meta(Share.Meta):
        pass
