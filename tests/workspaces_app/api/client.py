"""Requests to the API as somebody, and what a problem looks like."""

from typing import Any

from django.contrib.auth.models import User
from rest_framework.test import APIClient


def client(user: User) -> APIClient:
    api = APIClient()
    api.force_authenticate(user)
    return api


def names(response: Any, field: str = "name") -> list[str]:
    """Return one field of every row of a list."""
    assert response.status_code == 200, response.content
    return [row[field] for row in response.json()["results"]]


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/problem+json")
    problem: dict[str, Any] = response.json()
    assert problem["code"] == code
    return problem
