"""Streamlit's paths of media and uploads, and the ids in them."""

from __future__ import annotations

import re
from typing import Final

# A media path ends in the hash of its content, 32 hexadecimal digits, and a suffix without meaning.
_MEDIA: Final = re.compile(r"/media/([0-9a-f]{32})(?:\.[A-Za-z0-9]{1,16})?")
_UPLOAD: Final = re.compile(r"/_stcore/upload_file/([0-9a-fA-F-]{1,64})/[^/]{1,64}")


def media_id_of(path: str) -> str | None:
    """The id in a media path; None for any other path."""
    match = _MEDIA.fullmatch(path)
    return match[1] if match else None


def upload_session_of(path: str) -> str | None:
    """The id of the Streamlit session in an upload path; None for any other path."""
    match = _UPLOAD.fullmatch(path)
    return match[1] if match else None
