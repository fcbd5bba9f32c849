"""What makes one HTML file safe to open: escaped data blocks and a Content-Security-Policy.

The policy allows exactly the scripts and styles whose hashes it lists and nothing else: no network,
no frames, no eval, no inline handlers. A text that slipped through the escaping could not run.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"

# Inside a script element only "<" can end or open anything; the others are escaped so that the
# block is also a JavaScript literal (U+2028, U+2029) and plain in an attribute.
_ESCAPES = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"}


def json_text(value: Any) -> Markup:
    """JSON that may stand inside a ``<script type="application/json">``; NaN is refused."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_ESCAPES))


def source_hash(source: str) -> str:
    """The hash of an inline script or style as a policy names it."""
    digest = hashlib.sha256(source.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """Content-Security-Policy of a page with these inline scripts and styles."""
    return (
        "default-src 'none'; "
        f"script-src {' '.join(map(source_hash, scripts))}; "
        f"style-src {' '.join(map(source_hash, styles))}; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def vega_bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one script (0.9 MB) that sets ``vegaEmbed``."""
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # In a function, for its top-level constants would be visible to every other script.
    return _checked(f"(() => {{\n{bundle}\n}})();")


@cache
def page_script() -> str:
    """Our own script: tables, charts, sequences; small enough to read in the page's source."""
    names = (
        "base.js",
        "tables.js",
        "charts.js",
        "grids.js",
        "galleries.js",
        "sequences.js",
        "contents.js",
    )
    parts = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names)
    return _checked(f'(() => {{\n"use strict";\n{parts}\n}})();')


@cache
def page_style() -> str:
    return (TEMPLATES / "report.css").read_text(encoding="utf-8")


def _checked(script: str) -> str:
    """Refuse a script that would end its own element or read otherwise than it was hashed."""
    if any(bad in script.lower() for bad in ("</script", "<!--", "\r", "\0")):
        raise ValueError("an inline script may not contain </script, <!--, CR or NUL")
    return script
