"""The JSON API does what its OpenAPI document says, whatever it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings

from .conftest import find_token

schemathesis = pytest.importorskip("schemathesis")
pytest.importorskip("fastapi")

CHECKS = [
    getattr(schemathesis.checks, name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    )
]


def document() -> Any:
    """Return what the API says of itself, with a model or without."""
    from audiogenre.web.app import make_app
    from audiogenre.web.settings import Settings

    nowhere = Path("nowhere")
    found = schemathesis.openapi.from_dict(make_app(Settings(nowhere, nowhere), None).openapi())
    return found.exclude(path_regex="/events$")  # streams, which end when the work does


@pytest.fixture(scope="session")
def session(url: str) -> Iterator[dict[str, Any]]:
    """Return the cookies and the token of a session: behind the token there is more to ask for."""
    with httpx.Client(base_url=url, timeout=60) as client:
        token = find_token(client.get("/").text)
        yield {"headers": {"x-csrf-token": token}, "cookies": dict(client.cookies)}


@document().parametrize()
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_answers_are_those_of_the_document(case: Any, url: str, session: dict[str, Any]) -> None:
    options = session if case.path == "/api/jobs" else {}
    case.call_and_validate(base_url=url, **options, timeout=60, checks=CHECKS)
