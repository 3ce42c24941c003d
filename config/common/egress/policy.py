"""Which URLs and addresses our servers may call on behalf of others.

Python's `is_private` and `is_global` are wrong for several special ranges, so the table of
refused networks is our own. Sources: the IANA special-purpose address registries for IPv4 and
IPv6 (https://www.iana.org/assignments/iana-ipv4-special-registry,
https://www.iana.org/assignments/iana-ipv6-special-registry, read 2026-11-23) and the metadata
addresses of the large cloud providers.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal
from urllib.parse import quote

import idna
from django.conf import settings

from config.common.egress.errors import EgressRefused

MAX_URL_CHARS = 2048
ALLOWED_PORTS = frozenset({80, 443, 8080, 8443})

REFUSED_NETWORKS: dict[str, str] = {
    "168.63.129.16/32": "a cloud metadata service",
    "169.254.169.254/32": "a cloud metadata service",
    "169.254.170.2/32": "a cloud metadata service",
    "169.254.170.23/32": "a cloud metadata service",
    "100.100.100.200/32": "a cloud metadata service",
    "192.0.0.192/32": "a cloud metadata service",
    "fd00:ec2::254/128": "a cloud metadata service",
    "fd20:ce::254/128": "a cloud metadata service",
    "0.0.0.0/8": "this host",
    "10.0.0.0/8": "a private network",
    "100.64.0.0/10": "a carrier's private network",
    "127.0.0.0/8": "this machine",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "a private network",
    "192.0.0.0/24": "reserved for protocols",
    "192.0.2.0/24": "reserved for documentation",
    "192.31.196.0/24": "an anycast service",
    "192.52.193.0/24": "a multicast relay",
    "192.88.99.0/24": "a 6to4 relay",
    "192.168.0.0/16": "a private network",
    "192.175.48.0/24": "an anycast service",
    "198.18.0.0/15": "reserved for benchmarking",
    "198.51.100.0/24": "reserved for documentation",
    "203.0.113.0/24": "reserved for documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    "::/128": "this host",
    "::1/128": "this machine",
    "::ffff:0:0/96": "an IPv4 address mapped into IPv6",
    "::ffff:0:0:0/96": "an IPv4 address translated into IPv6",
    "::/96": "an IPv4 address written as IPv6",
    "64:ff9b::/96": "a NAT64 gateway",
    "64:ff9b:1::/48": "a NAT64 gateway",
    "100::/64": "a discard prefix",
    "100:0:0:1::/64": "a dummy prefix",
    "2001::/32": "a Teredo tunnel",
    "2001::/23": "reserved for protocols",
    "2001:db8::/32": "reserved for documentation",
    "2002::/16": "a 6to4 tunnel",
    "2620:4f:8000::/48": "an anycast service",
    "3fff::/20": "reserved for documentation",
    "5f00::/16": "reserved for segment routing",
    "fc00::/7": "a private network",
    "fe80::/10": "link-local",
    "fec0::/10": "a private network",
    "ff00::/8": "multicast",
}
_GLOBAL_UNICAST = IPv6Network("2000::/3")

# (network, mask, reason) as integers, narrower networks first; checked in order.
_Row = tuple[int, int, str]
_REFUSED: dict[int, list[_Row]] = {4: [], 6: []}
for _network, _reason in sorted(
    ((ip_network(text), reason) for text, reason in REFUSED_NETWORKS.items()),
    key=lambda entry: -entry[0].prefixlen,
):
    _REFUSED[_network.version].append(
        (int(_network.network_address), int(_network.netmask), _reason)
    )

LOCAL_SUFFIXES = (
    ".localhost",
    ".localdomain",
    ".local",
    ".internal",
    ".intranet",
    ".private",
    ".corp",
    ".home",
    ".lan",
    ".home.arpa",
)

_URL = re.compile(r"(https?)://([^/?#]*)([/?#].*)?", re.IGNORECASE)
_FORBIDDEN_CHARACTERS = re.compile(r"[\x00-\x20\x7f\\]")
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_URL_CHARACTERS = "%!$&'()*+,/:;=?@[]~"
_DEFAULT_PORTS = {"http": 80, "https": 443}

Pair = tuple[str, int]
"""A host, in the form that `Target` gives it, and a port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that has been read once, strictly; every later step uses these parts."""

    scheme: Literal["http", "https"]
    host: str
    """Lower-case ASCII without a trailing dot; an IPv6 address stands without brackets."""
    port: int
    rest: str
    """Path and query, at least `/`; what is not ASCII is percent-encoded, no fragment."""

    @property
    def origin(self) -> str:
        """`scheme://host:port`, with the port always written."""
        return f"{self.scheme}://{_bracketed(self.host)}:{self.port}"

    @property
    def url(self) -> str:
        """The URL to request; a default port is left out."""
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{_bracketed(self.host)}{port}{self.rest}"


def check_address(address: str) -> None:
    """Raise EgressRefused unless `address` is a public unicast IP address.

    An IPv6 address must lie in 2000::/3, the only space from which public addresses are given
    out; a zone (`%eth0`) is refused.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        raise EgressRefused(
            f"{address[:80]!r} is not an IP address.", code="egress.address_refused"
        ) from None
    reason = _reason_to_refuse(parsed)
    if reason:
        raise EgressRefused(
            f"The address {address} is {reason}; tools and models may call public addresses only."
            " An operator can allow a host and port with EGRESS_ALLOW.",
            code="egress.address_refused",
        )


def parse_url(url: str) -> Target:
    """Read an absolute http or https URL strictly, without judging where it leads.

    Refuses what parsers are known to read differently: other schemes, control characters,
    spaces, backslashes, user names, percent signs in the host, and numbers that are not a plain
    dotted IPv4 address. International host names become their ASCII form (IDNA 2008, UTS 46).

    Raises:
        EgressRefused: with code `egress.url_invalid`.
    """
    if len(url) > MAX_URL_CHARS:
        raise _invalid(url, f"is longer than {MAX_URL_CHARS} characters")
    if _FORBIDDEN_CHARACTERS.search(url):
        raise _invalid(url, "holds a space, a control character or a backslash; percent-encode it")
    match = _URL.fullmatch(url)
    if match is None:
        raise _invalid(url, "must begin with http:// or https://")
    scheme: Literal["http", "https"] = "https" if match[1].lower() == "https" else "http"
    if "@" in match[2]:
        raise _invalid(url, "holds a user name before the host; use a secret instead")
    authority = _AUTHORITY.fullmatch(match[2])
    if authority is None:
        raise _invalid(url, "has a malformed host or port")
    port = int(authority[2]) if authority[2] else _DEFAULT_PORTS[scheme]
    if port > 65_535:
        raise _invalid(url, "has a port above 65535")
    rest = quote((match[3] or "").partition("#")[0], safe=_URL_CHARACTERS)
    return Target(
        scheme=scheme,
        host=_parse_host(url, authority[1]),
        port=port,
        rest=rest if rest.startswith("/") else f"/{rest}",
    )


def check_url(url: str, *, allow: frozenset[Pair] | None = None) -> Target:
    """Read a URL and raise EgressRefused unless it may be called, as far as its text shows.

    Host names are judged by their text here; the addresses they resolve to are checked when the
    connection is made. `allow` replaces the operator's list of allowed pairs.

    Raises:
        EgressRefused: codes `egress.url_invalid`, `egress.port_refused`, `egress.host_refused`
            and `egress.address_refused`.
    """
    target = parse_url(url)
    if (target.host, target.port) in (allowed_pairs() if allow is None else allow):
        return target
    if target.port not in ALLOWED_PORTS:
        ports = ", ".join(map(str, sorted(ALLOWED_PORTS)))
        raise EgressRefused(
            f"Port {target.port} may not be called; use one of {ports}."
            " An operator can allow a host and port with EGRESS_ALLOW.",
            code="egress.port_refused",
        )
    if _is_literal(target.host):
        check_address(target.host)
    elif "." not in target.host or target.host.endswith(LOCAL_SUFFIXES):
        raise EgressRefused(
            f"The host {target.host!r} is a name of a local network; use a public host name."
            " An operator can allow a host and port with EGRESS_ALLOW.",
            code="egress.host_refused",
        )
    return target


def allowed_pairs() -> frozenset[Pair]:
    """Return the pairs that the operator allows with EGRESS_ALLOW."""
    return _parse_pairs(tuple(settings.EGRESS_ALLOW))


def allowed_pairs_for_models() -> frozenset[Pair]:
    """Return the operator's pairs and those of the model servers named in the environment."""
    urls = (settings.OPENAI_BASE_URL, settings.LOCAL_MODEL_URL)
    return allowed_pairs() | _pairs_of_urls(tuple(url for url in urls if url))


@lru_cache(maxsize=16)
def _parse_pairs(entries: tuple[str, ...]) -> frozenset[Pair]:
    pairs: set[Pair] = set()
    for entry in entries:
        try:
            target = parse_url(f"http://{entry}/")
        except EgressRefused as error:
            raise ValueError(
                f"EGRESS_ALLOW holds {entry!r}; write host:port pairs separated by commas."
            ) from error
        if not entry.endswith(f":{target.port}"):
            raise ValueError(f"EGRESS_ALLOW holds {entry!r} without a port; write host:port.")
        pairs.add((target.host, target.port))
    return frozenset(pairs)


@lru_cache(maxsize=16)
def _pairs_of_urls(urls: tuple[str, ...]) -> frozenset[Pair]:
    targets = [parse_url(url) for url in urls]
    return frozenset((target.host, target.port) for target in targets)


def _parse_host(url: str, written: str) -> str:
    if "%" in written:
        raise _invalid(url, "has a percent sign in the host; write the host plainly")
    if written.startswith("["):
        try:
            return str(IPv6Address(written[1:-1]))
        except ValueError:
            raise _invalid(url, "has a malformed IPv6 address") from None
    host = written.removesuffix(".").lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True, std3_rules=True).decode()
        except idna.IDNAError:
            raise _invalid(url, "has a host name that is not valid (IDNA 2008)") from None
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _invalid(url, "has a malformed host name")
    # Resolvers read 127.1, 0x7f.1 and 2130706433 as IPv4 addresses (inet_aton), so a host whose
    # last label is a number must be a plain dotted address.
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise _invalid(url, "has a number as its host; write four decimal numbers") from None
    return host


def _invalid(url: str, problem: str) -> EgressRefused:
    return EgressRefused(f"The URL {_shortened(url)!r} {problem}.", code="egress.url_invalid")


def _shortened(url: str) -> str:
    """Return the beginning of a URL without what may be a password."""
    return re.sub(r"//[^/?#]*@", "//…@", url)[:120]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_literal(host: str) -> bool:
    return ":" in host or host.rpartition(".")[2].isdigit()


def _reason_to_refuse(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address) and address.scope_id:
        return "bound to a network interface"
    number = int(address)
    for network, mask, reason in _REFUSED[address.version]:
        if number & mask == network:
            return reason
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return "outside the public IPv6 space"
    return ""
