"""What an uploaded document must look like, and its text."""

import re
import unicodedata
from pathlib import PurePosixPath

from knowledge_app.errors import DocumentRefused, DocumentTooLarge

MAX_DOCUMENT_BYTES = 5 * 1024 * 1024
MAX_TITLE_CHARS = 200
MAX_FILENAME_CHARS = 255

MEDIA_TYPES = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".text": "text/plain",
}
"""The kinds of files that can be read, by their ending."""

# Characters that turn the direction of a name, so that `exe.txt` can look like `txt.exe`
# (https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing, read 2026-11-23).
_BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def document_text(content: bytes) -> str:
    """Return the text of stored content; every offset of a chunk counts in it, from 0.

    A byte-order mark at the beginning is no part of the text. Line ends stay as they are.

    Raises:
        DocumentTooLarge: More than 5 MiB.
        DocumentRefused: Nothing visible, not UTF-8, or a NUL character.
    """
    if len(content) > MAX_DOCUMENT_BYTES:
        raise DocumentTooLarge(
            f"The document has {len(content):,} bytes; at most {MAX_DOCUMENT_BYTES:,} are taken."
            " Split it into several documents."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentRefused(
            f"The document is not UTF-8: byte {error.start} is wrong. Save it as UTF-8.",
            code="document.not_utf8",
        ) from error
    if (place := text.find("\x00")) >= 0:
        raise DocumentRefused(
            f"The document has a NUL character at offset {place}, so it is no text. Remove it.",
            code="document.not_text",
        )
    if not text.strip():
        raise DocumentRefused("The document is empty. Add some text.", code="document.empty")
    return text


def media_type_of(filename: str, declared: str = "") -> str:
    """Return the media type of a file by its ending; without one, the declared type.

    Raises:
        DocumentRefused: Neither is a kind of text that can be read.
    """
    ending = PurePosixPath(filename).suffix.lower()
    plain = declared.partition(";")[0].strip().lower()
    found = MEDIA_TYPES.get(ending) if ending else None
    if found is None and not ending and plain in MEDIA_TYPES.values():
        found = plain
    if found is None:
        raise DocumentRefused(
            f"{filename or declared!r} cannot be read. Documents are text or Markdown:"
            f" {', '.join(MEDIA_TYPES)}.",
            code="document.type_unsupported",
        )
    return found


def safe_filename(filename: str) -> str:
    """Return the last part of a file name, without control characters, at most 255 long.

    Raises:
        DocumentRefused: The name has characters that change its direction.
    """
    last = re.split(r"[/\\]", filename)[-1]
    if _BIDI_CONTROLS.search(last):
        raise DocumentRefused(
            "The file name has invisible characters that change its direction. Rename the file.",
            code="document.name_refused",
        )
    visible = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip(" .")
    if len(visible) <= MAX_FILENAME_CHARS:
        return visible
    ending = PurePosixPath(visible).suffix[:20]
    return visible[: MAX_FILENAME_CHARS - len(ending)] + ending


def title_of(title: str, filename: str) -> str:
    """Return a title on one line: the given one, else the file's name without its ending.

    Raises:
        DocumentRefused: Neither has a visible character, or the title is too long.
    """
    chosen = title if title.strip() else PurePosixPath(filename).stem.replace("_", " ")
    clean = " ".join(
        "".join(" " if unicodedata.category(char) == "Cc" else char for char in chosen).split()
    )
    if not clean:
        raise DocumentRefused("Give the document a title.", code="document.title_missing")
    if len(clean) > MAX_TITLE_CHARS:
        if title.strip():
            raise DocumentRefused(
                f"The title has {len(clean)} characters; at most {MAX_TITLE_CHARS} are taken.",
                code="document.title_too_long",
            )
        clean = clean[:MAX_TITLE_CHARS].rstrip()
    return clean
