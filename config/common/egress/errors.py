"""What can go wrong on the way out: a refused address, or a request that failed."""

from config.common.errors import DomainError


class EgressRefused(DomainError):
    """The address policy forbids the URL or the address behind it; nothing was sent."""

    status = 422
    code = "egress.refused"
    title = "This address may not be called"


class EgressFailed(DomainError):
    """The request was allowed but brought no usable answer."""

    status = 502
    code = "egress.failed"
    title = "The other server did not answer properly"
