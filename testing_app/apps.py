"""Test suites, isolated runs and experiments."""

from django.apps import AppConfig


class TestingConfig(AppConfig):
    name = "testing_app"
    verbose_name = "Testing"
