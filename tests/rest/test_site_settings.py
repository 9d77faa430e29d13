"""Sites whose REST_FRAMEWORK settings are made for their own API."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.views import APIView

from tests.support.rest_calls import URL, post
from tests.support.rest_site_classes import KeyAuthentication, LaxSessions
from tests.support.servers import ROOT
from toasts.models.toast import Toast
from toasts.rest.policies import ClientPolicies
from toasts.rest.viewsets import ToastViewSet

REST = "rest_framework"
HERE = "tests.support.rest_site_classes"
OTHER_VIEWS = {
    "DEFAULT_RENDERER_CLASSES": [f"{REST}.renderers.StaticHTMLRenderer"],
    "DEFAULT_PARSER_CLASSES": [f"{REST}.parsers.FileUploadParser"],
    "DEFAULT_PERMISSION_CLASSES": [f"{HERE}.NobodyMay"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": f"{HERE}.OnlyYaml",
    "DEFAULT_THROTTLE_CLASSES": [f"{REST}.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": "1/day"},
    "DEFAULT_PAGINATION_CLASS": f"{REST}.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 1,
    "EXCEPTION_HANDLER": f"{HERE}.wrapped",
    "UNAUTHENTICATED_USER": None,
    "DATETIME_FORMAT": "%d.%m.%Y",
}


def site(authentication: str, versioning: str, **others: Any) -> dict[str, Any]:
    return {
        "DEFAULT_AUTHENTICATION_CLASSES": [authentication] if authentication else [],
        "DEFAULT_VERSIONING_CLASS": f"{REST}.versioning.{versioning}",
        "ALLOWED_VERSIONS": ["v1"],
        **others,
    }


SITES = {
    "tokens": site(f"{REST}.authentication.BasicAuthentication", "NamespaceVersioning"),
    "keys": site(f"{HERE}.KeyAuthentication", "URLPathVersioning"),
    "nothing": site("", "HostNameVersioning"),
    "all else": site(
        f"{REST}.authentication.RemoteUserAuthentication", "AcceptHeaderVersioning", **OTHER_VIEWS
    ),
}


@pytest.mark.parametrize("name", SITES)
def test_the_pages_client_gets_the_same_answers_on_every_site(name: str) -> None:
    command = [sys.executable, "-m", "tests.support.rest_site", json.dumps(SITES[name])]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    answers: dict[str, Any] = json.loads(run.stdout)
    status, body = answers.pop("signed out")
    assert status in (401, 403)
    assert list(body) == ["detail"]
    assert [toast["message"] for toast in answers.pop("poll")[1]["toasts"]] == [
        "one", "two", "three"
    ]  # fmt: skip
    assert answers.pop("one")[1]["message"] == "one"
    assert answers.pop("read")[1]["read"] is True
    # The site caches its pages: nothing of it comes from there.
    for name, expected in (("list", [False, False]), ("list again", [False, True])):
        status, body = answers.pop(name)
        assert (status, [toast["read"] for toast in body["results"]]) == (200, expected)
    assert answers == {
        "count": [200, {"count": 3}],
        "read-all": [200, {"count": 1}],
        "count again": [200, {"count": 1}],
        "unknown": [404, {"detail": "No Toast matches the given query."}],
        "bad ids": [400, {"ids": {"0": ["A valid integer is required."]}}],
    }


def test_the_views_state_every_policy_of_rest_framework() -> None:
    """Also those that a later release may add."""
    policies = [name for name in vars(APIView) if name.endswith(("_class", "_classes"))]
    stated = {name for kind in (ToastViewSet, ClientPolicies) for name in vars(kind)}
    # The site's own credentials count, too: see get_authenticators() and get_throttles().
    assert set(policies) - stated == {"authentication_classes", "throttle_classes"}


@pytest.mark.parametrize(
    ("site", "headers", "expected"),
    [
        ([KeyAuthentication], {}, [SessionAuthentication, KeyAuthentication]),
        (
            [KeyAuthentication],
            {"Authorization": "Key 1"},
            [KeyAuthentication, SessionAuthentication],
        ),
        ([KeyAuthentication, LaxSessions], {}, [KeyAuthentication, LaxSessions]),
        ([], {}, [SessionAuthentication]),
    ],
)
def test_the_session_is_known_besides_the_sites_own_authentication(
    rf: RequestFactory,
    monkeypatch: pytest.MonkeyPatch,
    site: list[type],
    headers: dict[str, str],
    expected: list[type],
) -> None:
    monkeypatch.setattr(ToastViewSet, "authentication_classes", site)
    view = ToastViewSet()
    assert [type(each) for each in view.get_authenticators()]  # without a request, for a schema
    view.setup(rf.get("/", headers=headers))
    assert [type(each) for each in view.get_authenticators()] == expected


def test_a_page_is_not_asked_for_a_password(
    client: Client, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    monkeypatch.setattr(ToastViewSet, "authentication_classes", [BasicAuthentication])
    program, page = client.get(URL), client.get(URL, headers={"Sec-Fetch-Mode": "cors"})
    assert (program.status_code, program["WWW-Authenticate"]) == (401, 'Basic realm="api"')
    assert (page.status_code, "WWW-Authenticate" in page) == (403, False)


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "head", "options", "delete"])
@pytest.mark.parametrize("path", ["", "count/", "999/", "read-all/"])
def test_no_answer_may_be_kept(client_of_alice: Client, method: str, path: str) -> None:
    response = getattr(client_of_alice, method)(URL + path)
    assert response["Cache-Control"] == "no-store, private"


@pytest.mark.django_db
def test_no_answer_to_a_post_may_be_kept(client_of_alice: Client, three: list[Toast]) -> None:
    for path in ("read-all/", f"{three[1].pk}/read/"):
        assert post(client_of_alice, path)["Cache-Control"] == "no-store, private"


@pytest.mark.django_db
def test_a_signed_out_visitors_answer_may_not_be_kept(client: Client, alice: User) -> None:
    assert client.get(URL)["Cache-Control"] == "no-store, private"
