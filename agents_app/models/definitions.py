"""Agents: one editable draft each, and published versions that pin everything they use."""

from typing import ClassVar

import pgtrigger
from django.contrib.auth.models import User
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from typing_extensions import override

from agents_app.querysets import AgentVersionQuerySet
from config.common.models import BaseModel
from knowledge_app.models import KnowledgeBase
from templates_app.models import TemplateVersion
from tools_app.models import Tool
from workspaces_app.models import ModelProvider, OwnedModel, Share


class Agent(OwnedModel):
    """An agent; its fields are the draft, and publishing freezes them in a version."""

    instructions = models.ForeignKey(
        TemplateVersion, models.PROTECT, null=True, blank=True, related_name="+"
    )
    """The published template version whose rendering is the system prompt."""
    variables = models.JSONField(default=dict, blank=True)
    """Values for the template's variables; a run may add to them and replace them."""
    provider = models.ForeignKey(
        ModelProvider, models.PROTECT, null=True, blank=True, related_name="+"
    )
    model = models.CharField(max_length=120, blank=True)
    """Empty takes the provider's default model at publishing."""
    model_settings = models.JSONField(default=dict, blank=True)
    """`temperature`, `top_p`, `max_output_tokens`, `reasoning_effort`."""
    tools = models.ManyToManyField(Tool, blank=True, related_name="agents")
    knowledge_bases = models.ManyToManyField(KnowledgeBase, blank=True, related_name="agents")
    first_tool = models.CharField(max_length=64, blank=True)
    """Name of a tool that the first step must call; empty leaves the choice to the model."""
    context_tokens = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(32_000)])
    """Passages put before the first step, in tokens; 0 leaves searching to the model."""
    max_steps = models.PositiveSmallIntegerField(
        default=25, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    last_number = models.PositiveIntegerField(default=0, editable=False)

    class Meta(OwnedModel.Meta):
        pass


class AgentVersion(BaseModel):
    """A published version: immutable, numbered from 1 without gaps."""

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    manifest = models.JSONField()
    """Ids and hashes of everything the version uses; see domain/manifest.py."""
    content_sha256 = models.CharField(max_length=64)
    instructions = models.ForeignKey(TemplateVersion, models.PROTECT, related_name="+")
    provider = models.ForeignKey(ModelProvider, models.PROTECT, related_name="+")
    change_note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    objects = AgentVersionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["agent", "-number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["agent", "number"], name="version_number_is_unique_in_its_agent"
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Protect(name="agent_version_is_immutable", operation=pgtrigger.Update),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.agent} v{self.number}"


class AgentShare(Share):
    """A role on one agent for one user or group."""

    object = models.ForeignKey(Agent, models.CASCADE, related_name="shares")

    class Meta(Share.Meta):
        pass
