"""Errors of templates: each names the template, the place and the remedy."""

from config.common.errors import Conflict, DomainError


class TemplateInvalid(DomainError):
    """The text or the declarations of a template cannot be published."""

    code = "template.invalid"
    title = "The template is not valid"


class VariablesInvalid(DomainError):
    """Values do not fit the declarations; `errors` names every one that does not."""

    code = "variables.invalid"
    title = "The values do not fit the variables of the template"


class DeclarationsInvalid(DomainError):
    """Declarations contradict themselves or the ones that they inherit."""

    code = "variables.declaration"
    title = "The variables are not declared correctly"


class RenderFailed(DomainError):
    """A template was stopped or failed while it was rendered."""

    code = "template.render_failed"
    title = "The template could not be rendered"


class TemplateInUse(Conflict):
    """Other objects refer to the template; `errors` lists them."""

    code = "template.in_use"
    title = "The template is in use"
