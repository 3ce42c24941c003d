"""Pages of agents and runs in the console; importing them registers them."""

from agents_app.admin.agents import AgentAdmin
from agents_app.admin.runs import RunAdmin

__all__ = ["AgentAdmin", "RunAdmin"]
