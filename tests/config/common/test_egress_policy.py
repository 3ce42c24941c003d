"""The address policy refuses every way to name a place inside, and allows the public internet."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from config.common.egress.errors import EgressRefused
from config.common.egress.policy import (
    REFUSED_NETWORKS,
    allowed_pairs,
    allowed_pairs_for_models,
    check_address,
    check_url,
    parse_url,
)

NOTHING = frozenset[tuple[str, int]]()


@pytest.mark.parametrize("network", REFUSED_NETWORKS)
def test_first_and_last_address_of_each_refused_network_are_refused(network: str) -> None:
    for address in (ip_network(network)[0], ip_network(network)[-1]):
        with pytest.raises(EgressRefused) as caught:
            check_address(str(address))
        assert caught.value.code == "egress.address_refused"
        assert "EGRESS_ALLOW" in caught.value.detail


@pytest.mark.parametrize(
    "address",
    [
        "93.184.215.14",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "168.63.129.15",
        "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
        "2001:200::1",
        "2003::1",
        "2400:cb00::1",
    ],
)
def test_public_addresses_next_to_refused_networks_are_allowed(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address",
    ["4000::1", "1000::1", "200::1", "fe80::1%eth0", "2606:4700::1%2", "not an address", ""],
)
def test_everything_else_is_refused(address: str) -> None:
    with pytest.raises(EgressRefused):
        check_address(address)


@given(st.ip_addresses(v=4))
def test_what_is_allowed_is_global_for_python_too(address: object) -> None:
    try:
        check_address(str(address))
    except EgressRefused:
        return
    assert ip_address(str(address)).is_global


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("HTTP://LOCALHOST/", "egress.host_refused"),
        ("http://x.localhost/", "egress.host_refused"),
        ("http://ip6-localhost/", "egress.host_refused"),
        ("http://redis/", "egress.host_refused"),
        ("http://db.internal/", "egress.host_refused"),
        ("http://printer.local./", "egress.host_refused"),
        ("http://metadata.google.internal/", "egress.host_refused"),
        ("http://ⓛocalhost/", "egress.host_refused"),
        ("http://127.0.0.1/", "egress.address_refused"),
        ("http://127.0.0.1./", "egress.address_refused"),
        ("http://[::1]/", "egress.address_refused"),
        ("http://[::ffff:127.0.0.1]/", "egress.address_refused"),
        ("http://[64:ff9b::a9fe:a9fe]/", "egress.address_refused"),
        ("http://①②⑦.⓪.⓪.①/", "egress.address_refused"),
        ("http://\uff11\uff12\uff17.0.0.1/", "egress.address_refused"),
        ("http://127.0.0.1#@api.example.com/", "egress.address_refused"),
        ("http://2130706433/", "egress.url_invalid"),
        ("http://0x7f000001/", "egress.url_invalid"),
        ("http://0177.0.0.1/", "egress.url_invalid"),
        ("http://127.0.1/", "egress.url_invalid"),
        ("http://127.000.000.001/", "egress.url_invalid"),
        ("http://1.2.3.0x4/", "egress.url_invalid"),
        ("http://0/", "egress.url_invalid"),
        ("http://[fe80::1%25eth0]/", "egress.url_invalid"),
        ("http://[1.2.3.4]/", "egress.url_invalid"),
        ("http://%31%32%37.0.0.1/", "egress.url_invalid"),
        ("http://api.example.com@127.0.0.1/", "egress.url_invalid"),
        ("http://user:pass@api.example.com/", "egress.url_invalid"),
        ("http://api.example.com\n.evil.example/", "egress.url_invalid"),
        ("http://api.example.com &@127.0.0.1/", "egress.url_invalid"),
        ("http://api.example.com/%0d%0aX-Evil: 1", "egress.url_invalid"),
        ("//127.0.0.1/", "egress.url_invalid"),
        ("http:/\\127.0.0.1/", "egress.url_invalid"),
        ("http://./", "egress.url_invalid"),
        ("http://a..b/", "egress.url_invalid"),
        ("http://-a.example/", "egress.url_invalid"),
        ("http:///path", "egress.url_invalid"),
        ("http://api.example.com:80:90/", "egress.url_invalid"),
        ("http://api.example.com:99999/", "egress.url_invalid"),
        ("http://api.example.com:/", "egress.url_invalid"),
        ("file:///etc/passwd", "egress.url_invalid"),
        ("ws://api.example.com/", "egress.url_invalid"),
        ("http+unix://%2Fvar%2Frun%2Fdocker.sock/info", "egress.url_invalid"),
        ("http://api.example.com/" + "a" * 2048, "egress.url_invalid"),
        ("http://" + "a." * 130 + "example/", "egress.url_invalid"),
        ("", "egress.url_invalid"),
        ("http://api.example.com:0/", "egress.port_refused"),
        ("http://api.example.com:22/", "egress.port_refused"),
        ("http://api.example.com:6379/", "egress.port_refused"),
    ],
)
def test_url_is_refused_with_its_reason(url: str, code: str) -> None:
    with pytest.raises(EgressRefused) as caught:
        check_url(url, allow=NOTHING)

    assert caught.value.code == code


def test_refusal_never_repeats_a_password() -> None:
    with pytest.raises(EgressRefused) as caught:
        check_url("https://ada:hunter2@api.example.com/", allow=NOTHING)

    assert "hunter2" not in caught.value.detail


@pytest.mark.parametrize(
    ("url", "canonical", "origin"),
    [
        ("http://api.example.com", "http://api.example.com/", "http://api.example.com:80"),
        ("HTTPS://API.Example.COM.:443/a?b#c", "https://api.example.com/a?b", "https://api.example.com:443"),
        ("https://api.example.com?email=a@b.c", "https://api.example.com/?email=a@b.c", "https://api.example.com:443"),
        ("https://bücher.example/ü%2F", "https://xn--bcher-kva.example/%C3%BC%2F", "https://xn--bcher-kva.example:443"),
        ("http://93.184.215.14:8080/", "http://93.184.215.14:8080/", "http://93.184.215.14:8080"),
        ("https://[2606:4700:0::1]/", "https://[2606:4700::1]/", "https://[2606:4700::1]:443"),
        ("https://a_b.example.com/", "https://a_b.example.com/", "https://a_b.example.com:443"),
    ],
)  # fmt: skip
def test_public_url_is_read_into_one_form(url: str, canonical: str, origin: str) -> None:
    target = check_url(url, allow=NOTHING)

    assert target.url == canonical
    assert target.origin == origin
    assert parse_url(target.url) == target


def test_operator_allows_exact_pairs_only(settings: Settings) -> None:
    settings.EGRESS_ALLOW = ["Internal-API:9000", "[::1]:8080", "127.0.0.1:80"]

    assert check_url("http://internal-api:9000/x").port == 9000
    assert check_url("http://[::1]:8080/").host == "::1"
    assert check_url("http://127.0.0.1/").host == "127.0.0.1"
    with pytest.raises(EgressRefused):
        check_url("http://internal-api:9001/x")
    with pytest.raises(EgressRefused):
        check_url("http://127.0.0.2/")


@pytest.mark.parametrize("entry", ["localhost", "a b:80", "http://x:80", "x:y"])
def test_malformed_pair_of_the_operator_is_named(settings: Settings, entry: str) -> None:
    settings.EGRESS_ALLOW = [entry]

    with pytest.raises(ValueError, match="EGRESS_ALLOW holds"):
        allowed_pairs()


def test_model_servers_of_the_environment_are_open_to_the_model_client_only(
    settings: Settings,
) -> None:
    settings.EGRESS_ALLOW = []
    settings.OPENAI_BASE_URL = "https://models.corp:8000/v1"
    settings.LOCAL_MODEL_URL = "http://127.0.0.1:8123/v1"

    assert allowed_pairs_for_models() == {("models.corp", 8000), ("127.0.0.1", 8123)}
    assert allowed_pairs() == frozenset()
