"""The form of an agent: what the service would refuse is shown beside the field."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from typing_extensions import override

from agents_app.models import Agent
from agents_app.services import definitions
from config.common.errors import DomainError

DRAFT_FIELDS = (
    "name",
    "title",
    "description",
    "visibility",
    "instructions",
    "variables",
    "provider",
    "model",
    "model_settings",
    "tools",
    "knowledge_bases",
    "first_tool",
    "context_tokens",
    "max_steps",
)


class AgentForm(forms.ModelForm):  # type: ignore[type-arg]  # the admin reads it untyped
    """Asks the service for its opinion before anything is saved."""

    actor: User
    """Set by the admin for each request."""

    class Meta:
        model = Agent
        fields = ("workspace", *DRAFT_FIELDS)

    @override
    def clean(self) -> dict[str, Any]:
        """Save through the service and take it back, so that its errors reach the fields."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            with transaction.atomic():
                self.save_through_service()
                transaction.set_rollback(True)
        except DomainError as error:
            self._show(error)
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                self.add_error(name if name in self.fields else None, messages)
        return cleaned

    def save_through_service(self) -> Agent:
        """Create or change the agent as the actor."""
        draft = {
            name: self.cleaned_data[name] for name in DRAFT_FIELDS if name in self.cleaned_data
        }
        if self.instance._state.adding:
            return definitions.create_agent(
                self.actor, workspace=self.cleaned_data["workspace"], **draft
            )
        return definitions.update_agent(self.actor, agent=self.instance, **draft)

    def _show(self, error: DomainError) -> None:
        fields = [entry for entry in error.errors if entry.get("field") in self.fields]
        for entry in fields:
            self.add_error(entry["field"], entry["detail"])
        if not fields:
            name = "name" if error.code == "agent.name_taken" else None
            self.add_error(name, error.detail)
