"""Keyset pagination: stable under inserts, as fast on page 1,000 as on the first."""

from typing import Any

from rest_framework import pagination
from rest_framework.request import Request
from typing_extensions import override

from config.common.errors import FormInvalid


class CursorPagination(pagination.CursorPagination):
    """Pages of 50, at most 200; `next` and `previous` are addresses to follow as they are."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering = "-id"
    key = "id"
    """The unique field that every ordering ends with."""

    @override
    def get_page_size(self, request: Request) -> int | None:
        """Return the wanted size; anything but 1 to 200 is refused."""
        raw = request.query_params.get("page_size")
        if raw is None:
            return self.page_size
        if not (raw.isascii() and raw.isdigit() and 1 <= int(raw[:6]) <= self.max_page_size):
            raise FormInvalid(
                f"page_size: write a whole number from 1 to {self.max_page_size}.",
                code="request.page_size",
            )
        return int(raw)

    @override
    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        """Return the filter's ordering, or the view's own, always ended by the key."""
        chosen = tuple(super().get_ordering(request, queryset, view))
        return chosen if chosen[-1].lstrip("-") == self.key else (*chosen, f"-{self.key}")
