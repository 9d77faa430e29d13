"""The site: its servers, its pages and its static files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.core_site import KINDS, Browser, CoreSite, signed_in, sqlite_url
from tests.support.servers import ROOT, Server, lasts


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreSite]:
    site = CoreSite(sqlite_url(tmp_path_factory.mktemp("site")))
    yield site
    site.close()


@pytest.fixture(scope="module")
def server(site: CoreSite) -> Server:
    return site.serve()


@pytest.mark.servers
@pytest.mark.parametrize("kind", KINDS)
def test_every_asgi_server_serves_pages_files_and_streams(site: CoreSite, kind: str) -> None:
    server = site.serve(f"core-{kind}")
    try:
        with signed_in(server.url, "alice") as browser:
            assert "alice" in browser.get("/").text
            for path in ("site/base.css", "toasts/toasts.js", "admin/css/base.css"):
                assert browser.get(f"/static/{path}").status_code == 200, path
            with browser.stream("GET", "/toasts/stream/") as stream:
                assert stream.headers["Content-Type"].startswith("text/event-stream")
                assert any("event: sync" in line for line in stream.iter_lines())
    finally:
        server.kill()


@pytest.mark.servers
def test_https_redirects_and_sets_hsts_and_secure_cookies(site: CoreSite) -> None:
    secure = CoreSite(site.environment["DATABASE_URL"], HTTPS="1").serve()
    try:
        plain = httpx.get(f"{secure.url}/")
        assert plain.status_code == 301
        assert plain.headers["Location"] == secure.url.replace("http:", "https:") + "/"
        from_proxy = {"X-Forwarded-Proto": "https"}
        page = httpx.get(f"{secure.url}/accounts/login/", headers=from_proxy)
        assert page.status_code == 200
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "Secure" in page.headers["Set-Cookie"]
    finally:
        secure.kill()


@pytest.mark.servers
def test_waiting_requests_hold_no_thread_in_the_static_files_middleware(
    site: CoreSite, server: Server
) -> None:
    with signed_in(server.url, "bob") as browser:
        cursor = browser.get("/toasts/poll/").json()["cursor"]
        cookies = dict(browser.cookies)
    url = f"{server.url}/toasts/poll/?wait=50&cursor={cursor}"
    threads, sockets = server.threads(), server.sockets()
    with ThreadPoolExecutor(20) as pool:
        waits = [pool.submit(httpx.get, url, cookies=cookies, timeout=120) for _ in range(20)]
        # They may all arrive at once. While they wait, they must not hold a thread.
        settled = lasts(lambda: server.sockets() - sockets > 15 and server.threads() - threads < 8)
        waiting = [wait for wait in waits if not wait.done()]
        site.run(
            "from django.contrib.auth.models import User\nfrom toasts import create_toast\n"
            "create_toast('go on', User.objects.get(username='bob'))"
        )
        answers = [wait.result() for wait in waits]
    assert settled, server.threads() - threads
    assert len(waiting) == 20
    assert {toast["message"] for answer in answers for toast in answer.json()["toasts"]} == {
        "go on"
    }


@pytest.mark.servers
def test_static_files_support_head_etags_and_ranges(server: Server) -> None:
    url = f"{server.url}/static/site/base.css"
    content = (ROOT / "static/site/base.css").read_bytes()
    whole = httpx.get(url)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["Content-Type"] == 'text/css; charset="utf-8"'
    assert whole.headers["Cache-Control"] == "max-age=60, public"
    head = httpx.head(url)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(content)))
    unchanged = httpx.get(url, headers={"If-None-Match": whole.headers["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    part = httpx.get(url, headers={"Range": "bytes=3-9"})
    assert (part.status_code, part.content) == (206, content[3:10])
    assert httpx.post(url).status_code == 405


@pytest.mark.servers
@pytest.mark.parametrize("path", ["site/none.css", "../core/settings.py", "%2e%2e/manage.py", ""])
def test_an_unknown_static_file_is_not_found(server: Server, path: str) -> None:
    answer = httpx.get(f"{server.url}/static/{path}")
    assert answer.status_code == 404
    assert "Page not found" in answer.text


@pytest.mark.servers
def test_a_user_can_sign_in_and_out(server: Server) -> None:
    with signed_in(server.url, "alice") as browser:
        assert "Sign out" in browser.get("/").text
        assert browser.get("/accounts/logout/").status_code == 405
        token = browser.csrf("/demo/toast/")
        out = browser.post("/accounts/logout/", data={"csrfmiddlewaretoken": token})
        assert (out.status_code, out.headers["Location"]) == (302, "/")
        assert "Sign out" not in browser.get("/").text


@pytest.mark.servers
def test_a_wrong_password_is_an_error_on_the_page(server: Server) -> None:
    with Browser(base_url=server.url) as browser:
        answer = browser.submit("/accounts/login/", {"username": "alice", "password": "bob"})
    assert answer.status_code == 200
    assert "Please enter a correct username and password." in answer.text


@pytest.mark.servers
def test_the_demo_users_are_shown_with_debug_only(site: CoreSite, server: Server) -> None:
    hint = "The password is the name."
    assert hint not in httpx.get(f"{server.url}/").text
    assert hint not in httpx.get(f"{server.url}/accounts/login/").text
    debug = CoreSite(site.environment["DATABASE_URL"], DEBUG="1").serve()
    try:
        assert hint in httpx.get(f"{debug.url}/").text
        assert hint in httpx.get(f"{debug.url}/accounts/login/").text
    finally:
        debug.kill()


@pytest.mark.servers
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", ""),
        ("/accounts/login/", ""),
        ("/", "admin"),
        ("/demo/toast/", "admin"),
        ("/demo/sheet/", "admin"),
        ("/demo/status/", ""),
        ("/schema/docs/", "admin"),
        ("/none/", "admin"),
    ],
)
def test_pages_load_nothing_from_other_sites_and_have_no_dead_links(
    server: Server, path: str, name: str
) -> None:
    with signed_in(server.url, name) if name else Browser(base_url=server.url) as browser:
        text = browser.get(path, follow_redirects=True).text
        addresses = set(re.findall(r'(?:src|href)="(?!#|data:)([^"]+)"', text))
        assert addresses
        for address in addresses:
            assert re.match("/[^/]|/$", address), address
            assert browser.get(address, follow_redirects=True).status_code == 200, address


@pytest.mark.servers
def test_the_schema_describes_the_api(server: Server) -> None:
    schema = httpx.get(f"{server.url}/schema/", headers={"Accept": "application/json"}).json()
    assert schema["openapi"].startswith("3.")
    assert "/toasts/api/toasts/{id}/read/" in schema["paths"]


@pytest.mark.servers
@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
def test_error_pages_need_neither_a_request_nor_the_database(site: CoreSite, name: str) -> None:
    text = site.run(
        "import json, sys\nfrom django.template.loader import get_template\n"
        "print(json.dumps(get_template(sys.argv[1]).render()))",
        f"{name}.html",
    )
    assert f">{name.removesuffix('_csrf')}</p>" in text
    assert text.rstrip().endswith("</html>")
