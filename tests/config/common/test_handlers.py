from typing import Any

import pytest
from django.test import Client, RequestFactory

from config.common.api.handlers import server_error


def test_an_unknown_address_of_the_api_is_a_problem_document(client: Client) -> None:
    answer = client.get("/api/v1/nothing/")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "address.not_found"


@pytest.mark.django_db
def test_an_unknown_address_elsewhere_is_a_page(client: Client) -> None:
    answer = client.get("/nothing/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_a_failure_of_the_api_is_a_problem_document_without_its_cause(rf: RequestFactory) -> None:
    answer: Any = server_error(rf.get("/api/v1/runs/"))
    assert answer.status_code == 500
    assert b"server.error" in answer.content
    assert b"Traceback" not in answer.content
