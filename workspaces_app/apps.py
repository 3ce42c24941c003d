"""Workspaces: who may do what, with which keys and models."""

from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "workspaces_app"
    verbose_name = "Workspaces"
