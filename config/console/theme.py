"""Colours and pictures of the console, as the admin theme's settings ask for them."""

from django.http import HttpRequest
from django.templatetags.static import static

GREY_HUE = 215
PRIMARY = {
    "50": "oklch(97.5% 0.018 180)",
    "100": "oklch(94% 0.04 180)",
    "200": "oklch(88.5% 0.075 180)",
    "300": "oklch(81% 0.105 180)",
    "400": "oklch(74% 0.115 181)",
    "500": "oklch(64% 0.108 182)",
    # White text on 600 has a contrast of 5.5 to 1; 400 and 500 are readable on the dark greys.
    "600": "oklch(51% 0.089 184)",
    "700": "oklch(44% 0.077 186)",
    "800": "oklch(38% 0.064 187)",
    "900": "oklch(32% 0.052 188)",
    "950": "oklch(24% 0.04 190)",
}
GREY = {
    "50": f"oklch(98.3% 0.003 {GREY_HUE})",
    "100": f"oklch(96.3% 0.005 {GREY_HUE})",
    "200": f"oklch(92% 0.008 {GREY_HUE})",
    "300": f"oklch(86% 0.011 {GREY_HUE})",
    "400": f"oklch(71% 0.016 {GREY_HUE})",
    "500": f"oklch(53.5% 0.02 {GREY_HUE})",
    "600": f"oklch(43.5% 0.021 {GREY_HUE})",
    "700": f"oklch(36.5% 0.021 {GREY_HUE})",
    "800": f"oklch(28.5% 0.019 {GREY_HUE})",
    "900": f"oklch(21.5% 0.016 {GREY_HUE})",
    "950": f"oklch(15.5% 0.013 {GREY_HUE})",
}


def colors(_request: HttpRequest) -> dict[str, dict[str, str]]:
    """Return the colour scale of the theme; a new one each time, because the theme changes it."""
    return {
        "base": dict(GREY),
        "primary": dict(PRIMARY),
        "font": {
            "subtle-light": "var(--color-base-500)",
            "subtle-dark": "var(--color-base-400)",
            "default-light": "var(--color-base-600)",
            "default-dark": "var(--color-base-300)",
            "important-light": "var(--color-base-900)",
            "important-dark": "var(--color-base-100)",
        },
    }


def mark(_request: HttpRequest) -> str:
    """Return the address of the product's mark."""
    return static("console/mark.svg")


def login_image(_request: HttpRequest) -> str:
    """Return the address of the picture beside the sign-in form."""
    return static("console/login.svg")


def stylesheet(_request: HttpRequest) -> str:
    """Return the address of the tokens and shared parts."""
    return static("console/console.css")


def page_styles(_request: HttpRequest) -> str:
    """Return the address of the styles of single pages and small screens."""
    return static("console/pages.css")
