"""Agents and runs; import models from here."""

from agents_app.models.definitions import Agent, AgentShare, AgentVersion
from agents_app.models.runs import Run, RunDelta, RunEvent

__all__ = ["Agent", "AgentShare", "AgentVersion", "Run", "RunDelta", "RunEvent"]
