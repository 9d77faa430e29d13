"""Which links a toast may have: none that runs a script, none without a target."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toasts import validation as content

BAD_URLS = [
    "javascript:alert(1)",
    "JAVASCRIPT:alert(1)",
    "JavaScript:alert(1)",
    " javascript:alert(1)",
    "\tjavascript:alert(1)",
    "\njavascript:alert(1)",
    "\x00javascript:alert(1)",
    "\x01javascript:alert(1)",
    "\x1fjavascript:alert(1)",
    "\xa0javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "java\rscript:alert(1)",
    "java\r\nscript:alert(1)",
    "javascript\t:alert(1)",
    "javascript:\n//example.com/%0aalert(1)",
    "javascript://example.com/%0aalert(1)",
    "vbscript:msgbox(1)",
    "data:text/html,<script>alert(1)</script>",
    "DATA:text/html;base64,PHNjcmlwdD4=",
    "blob:https://example.com/1",
    "file:///etc/passwd",
    "filesystem:https://example.com/temporary/1",
    "view-source:https://example.com",
    "about:blank",
    "intent://scan/#Intent;scheme=zxing;end",
    "x-anything.of+ours:1",
    "jar:javascript:alert(1)",
    "https:example.com",
    "http:/example.com",
    "https://",
    "http:///example.com",
    "http://[::1",
    "http://exam\u2100ple.com",
    "https://example.com/a b\n",
    "https://example.com/\x7f",
    "/orders/7 ",
    "https://example.com/" + "a" * 2000,
]
GOOD_URLS = [
    "",
    "/",
    "/orders/7/?page=2#row",
    "orders/7",
    "../7",
    "?page=2",
    "#row",
    "//example.com/7",
    "./javascript:alert(1)",
    "/javascript:alert(1)",
    "?next=javascript:alert(1)",
    "javascript%3Aalert(1)",
    "http://example.com",
    "HTTPS://EXAMPLE.COM/ÄÖ?q=名前",
    "https://user@example.com:8443/",
    "http://[::1]:8000/",
    "mailto:alice@example.com?subject=hello",
    "MAILTO:alice@example.com",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_link_that_could_run_a_script_or_has_no_target_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^url: "):
        content.clean({"url": url})
    with pytest.raises(ValueError, match=r"^actions\[0\]\.url: "):
        content.clean({"actions": [{"name": "open", "label": "Open", "url": url}]})


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_safe_link_is_not_changed(url: str) -> None:
    assert content.clean({"url": url}) == {"url": url}
    action = {"name": "open", "label": "Open", "url": url}
    assert content.clean({"actions": [action]}) == {"actions": [action]}


@given(st.text(max_size=40))
def test_no_link_is_accepted_that_a_browser_runs_as_a_script(text: str) -> None:
    # What the WHATWG URL parser does first: strip C0 and space, drop tab and newlines.
    outer = "".join(map(chr, range(0x21)))
    seen = text.strip(outer).translate(dict.fromkeys(map(ord, "\t\r\n"))).lower()
    try:
        content.clean_url(text)
    except ValueError:
        return
    assert not seen.startswith(("javascript:", "vbscript:", "data:"))
