"""WordPiece as BERT's uncased models use it, with the place of every token in the text.

Follows `BertNormalizer`, `BertPreTokenizer` and `WordPiece` of Hugging Face's tokenizers
(https://github.com/huggingface/tokenizers, read 2026-11-23): control characters are dropped,
accents stripped, letters lower-cased, and words split at white space, punctuation and around
ideographs; then the longest known piece is taken from the left.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

MAX_WORD_CHARS = 100
"""A longer word becomes one unknown token, as in the reference implementation."""

_CACHED_WORDS = 100_000
_SPACES = r"\t\n\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_ASCII_PUNCTUATION = r"!-/:-@\[-`{-~"
_RUNS = re.compile(rf"[{_ASCII_PUNCTUATION}]|[^{_SPACES}{_ASCII_PUNCTUATION}]+")
_INVISIBLE = {"Cc", "Cf", "Co", "Cs"}
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class Tokenizer:
    """Turns text into the ids of word pieces. Safe to share between threads."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """Take the pieces in the order of their ids; pieces inside a word begin with `##`."""
        self._ids = {piece: number for number, piece in enumerate(vocabulary)}
        self._unknown = self._ids["[UNK]"]
        self.first = self._ids["[CLS]"]
        self.last = self._ids["[SEP]"]
        # A method's own cache would keep the instance alive; this one goes with it.
        self._pieces_of_run = lru_cache(maxsize=_CACHED_WORDS)(self._split_run)

    @classmethod
    def from_file(cls, path: Path) -> "Tokenizer":
        """Read a `vocab.txt`: one piece per line, in the order of the ids."""
        return cls(path.read_text(encoding="utf-8").rstrip("\n").split("\n"))

    def ids(self, text: str, *, max_tokens: int) -> list[int]:
        """Return the ids between the opening and the closing token, at most `max_tokens` in all.

        The end of a longer text is left out.
        """
        room = max_tokens - 2
        found: list[int] = []
        for run in _RUNS.finditer(text):
            found.extend(number for number, _ in self._pieces(run.group()))
            if len(found) >= room:
                break
        return [self.first, *found[:room], self.last]

    def starts(self, text: str) -> list[int]:
        """Return the offset in `text` at which each token begins, in order.

        An unknown word longer than 100 characters counts once per 100 characters, so that a limit
        in tokens also limits characters.
        """
        starts: list[int] = []
        for run in _RUNS.finditer(text):
            begin, end = run.span()
            places = [begin + offset for _, offset in self._pieces(run.group())]
            starts.extend(places)
            if end - begin > MAX_WORD_CHARS:
                for place, after in pairwise([*places, end]):
                    starts.extend(range(place + MAX_WORD_CHARS, after, MAX_WORD_CHARS))
                starts.sort()
        return starts

    def count(self, text: str) -> int:
        """Return the number of tokens in `text`, without the opening and closing token."""
        return len(self.starts(text))

    def _pieces(self, run: str) -> tuple[tuple[int, int], ...]:
        if len(run) > MAX_WORD_CHARS:
            return self._split_run(run)
        return self._pieces_of_run(run)

    def _split_run(self, run: str) -> tuple[tuple[int, int], ...]:
        """Return the (id, offset) pairs of a run without white space or ASCII punctuation."""
        if run.isascii() and run.isalnum():
            return tuple(self._word_pieces(run.lower(), list(range(len(run)))))
        pieces: list[tuple[int, int]] = []
        letters: list[str] = []
        offsets: list[int] = []

        def close_word() -> None:
            if letters:
                pieces.extend(self._word_pieces("".join(letters), list(offsets)))
                letters.clear()
                offsets.clear()

        for offset, char in enumerate(run):
            if char == "\ufffd" or unicodedata.category(char) in _INVISIBLE:
                continue
            is_alone = _is_ideograph(char)
            if is_alone:
                close_word()
            for part in unicodedata.normalize("NFD", char).lower():
                category = unicodedata.category(part)
                if category == "Mn":
                    continue
                if category.startswith("P") or (part.isascii() and not part.isalnum()):
                    close_word()
                    letters.append(part)
                    offsets.append(offset)
                    close_word()
                    continue
                letters.append(part)
                offsets.append(offset)
            if is_alone:
                close_word()
        close_word()
        return tuple(pieces)

    def _word_pieces(self, word: str, offsets: list[int]) -> list[tuple[int, int]]:
        """Take the longest known piece from the left until the word is used up."""
        if len(word) > MAX_WORD_CHARS:
            return [(self._unknown, offsets[0])]
        pieces: list[tuple[int, int]] = []
        begin = 0
        while begin < len(word):
            prefix = "##" if begin else ""
            for end in range(len(word), begin, -1):
                number = self._ids.get(prefix + word[begin:end])
                if number is not None:
                    pieces.append((number, offsets[begin]))
                    begin = end
                    break
            else:
                return [(self._unknown, offsets[0])]
        return pieces


def _is_ideograph(char: str) -> bool:
    point = ord(char)
    return point >= 0x3400 and any(low <= point <= high for low, high in _IDEOGRAPHS)
