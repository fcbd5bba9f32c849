"""Public files that a configuration names, to be fetched by a rule."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from bioseq_lstm.encoder_settings import Strict

DOWNLOADS = "data/downloads"  # where the rule puts them
MEND = "download it by hand into a folder and name that folder: --config local=FOLDER"

# One release of one project: nothing that pip would read as an option.
PYPI = re.compile(r"pypi:([A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.+!_-]*)")
_SCHEMES = ("https://", "http://", "file:", "pypi:")


def _is_file_name(name: str) -> str:
    """A name without a path, which cannot lead out of its folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", name):
        raise ValueError(
            "the name of a file has letters, digits, . _ and - only, and starts with a letter or "
            "digit"
        )
    return name


def _is_sha256(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(f"{text!r} is no SHA-256: 64 digits 0-9 a-f, as sha256sum prints them")
    return text


FileName = Annotated[str, AfterValidator(_is_file_name)]


class Download(Strict):
    """A public file that a rule fetches to `data/downloads/`."""

    url: tuple[str, ...] = Field(
        (),
        description="https://…, file:PATH or pypi:PROJECT==VERSION, or a list of them, tried in "
        "turn; without one only a local copy will do",
    )
    sha256: Annotated[str, AfterValidator(_is_sha256)] = Field(
        description="of the file as it is fetched, before `member` is taken out of it"
    )
    member: str | None = Field(
        None, description="path of the one file to take out of a wheel, zip or tar"
    )

    @property
    def no_address(self) -> str:
        """What is said where there is no `url`."""
        return f"no public address gives it in this form (SHA-256 {self.sha256})"

    @field_validator("url", mode="before")
    @classmethod
    def _one_is_a_list(cls, url: Any) -> Any:
        return (url,) if isinstance(url, str) else url

    @field_validator("url")
    @classmethod
    def _schemes_are_known(cls, url: tuple[str, ...]) -> tuple[str, ...]:
        for one in url:
            if not one.startswith(_SCHEMES):
                raise ValueError(f"{one!r} begins with none of {', '.join(_SCHEMES)}")
            if one.startswith("pypi:") and not PYPI.fullmatch(one):
                raise ValueError(f"{one!r}: write pypi:PROJECT==VERSION")
        return url
