"""What keeps a text from a file out of the page's code."""

import base64
import hashlib
import json
from html.parser import HTMLParser

import pytest

from bioseq_lstm.reporting import inline

PAYLOADS = [
    "</script><script>alert(1)</script>",
    "<!--",
    "]]>",
    "a\u2028b\u2029c",
    "&amp;",
    "\\u003c",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_json_block_neither_ends_its_element_nor_changes_the_text(payload: str) -> None:
    block = inline.json_text({payload: [payload]})
    assert not set(block) & set("<>&\u2028\u2029")
    assert json.loads(block) == {payload: [payload]}


def test_nan_is_refused_for_a_browser_could_not_read_it() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        inline.json_text([float("nan")])


def test_the_policy_names_the_hashes_of_the_inlined_sources_and_allows_nothing_else() -> None:
    digest = base64.b64encode(hashlib.sha256(b"alert(1)").digest()).decode()
    words = inline.policy(["alert(1)"], ["p{}"])
    rules = dict(rule.strip().split(" ", 1) for rule in words.split(";"))
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in words and "http" not in words


def test_the_scripts_can_stand_in_a_script_element_unchanged() -> None:
    class Reader(HTMLParser):
        text = ""

        def handle_data(self, data: str) -> None:
            self.text += data

    for script in (inline.vega_bundle(), inline.page_script()):
        reader = Reader()
        reader.feed(f"<script>{script}</script>")
        assert reader.text == script


def test_the_bundle_stays_about_one_megabyte() -> None:
    assert 500_000 < len(inline.vega_bundle()) < 1_100_000
