"""Search and ordering that refuse what they do not understand."""

from typing import Any

from rest_framework import filters
from rest_framework.request import Request
from typing_extensions import override

from config.common.errors import FormInvalid


class SearchFilter(filters.SearchFilter):
    """`?search=words`: every word must stand in one of the view's `search_fields`."""

    @override
    def get_search_terms(self, request: Request) -> list[str]:
        """Return the words; a NUL character is refused, more than 10 words too."""
        raw = request.query_params.get(self.search_param, "")
        if "\x00" in raw:
            raise FormInvalid("search: a NUL character is not allowed.", code="request.search")
        terms: list[str] = super().get_search_terms(request)
        if len(terms) > 10:
            raise FormInvalid("search: use at most 10 words.", code="request.search")
        return terms


class OrderingFilter(filters.OrderingFilter):
    """`?ordering=-created_at`: one of the view's `ordering_fields`; others are refused."""

    @override
    def remove_invalid_fields(
        self, queryset: Any, fields: Any, view: Any, request: Request
    ) -> list[str]:
        """Return the fields; an unknown one is an error, not silently dropped."""
        allowed = {name for name, _ in self.get_valid_fields(queryset, view, {"request": request})}
        unknown = [field for field in fields if field.lstrip("-") not in allowed]
        if unknown:
            raise FormInvalid(
                f"ordering: {unknown[0]!r} is unknown; use one of {', '.join(sorted(allowed))}.",
                code="request.ordering",
            )
        return list(fields)
