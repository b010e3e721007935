"""What the agreement lets us ask for, URL by URL and address by address."""

import pytest

from core.model import State
from crawler.scope import Scope, Wanted
from tests.crawler.wire import watched

GALLERY = Scope(
    watched(
        *("gallery.example", "gallery.example:8443", "xn--bcher-kva.example", "93.184.216.34"),
        image_hosts=("cdn.gallery.example",),
        allow_private=False,
    )
)
HOME = Scope(watched("127.0.0.1:8000", "[::1]:8000", "nas.example", "169.254.169.254"))


@pytest.mark.parametrize(
    "url",
    [
        "http://gallery.example/",
        "https://gallery.example/a?b=c",
        "https://gallery.example:8443/",
        "http://gallery.example:443/",
        "HTTPS://GALLERY.EXAMPLE/",
        "http://bücher.example/",
        "http://93.184.216.34/",
    ],
)
def test_an_agreed_host_may_be_asked_for_pages_pictures_and_robots(url: str) -> None:
    for wanted in Wanted:
        assert GALLERY.refusal(url, wanted) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://www.gallery.example/",
        "http://example/",
        "http://gallery.example.evil.example/",
        "http://evil-gallery.example/",
        "http://gallery.example:8080/",
        "http://gallery.example:8444/",
        "http://gallery.example./",
        "http://localhost/",
        "http://other.example/?gallery.example",
        "http://other.example\\@gallery.example/",
        "http://93.184.216.35/",
    ],
)
def test_any_other_host_or_port_is_out_of_scope(url: str) -> None:
    for wanted in Wanted:
        refusal = GALLERY.refusal(url, wanted)
        assert refusal is not None
        assert refusal[0] is State.OUT_OF_SCOPE


def test_an_image_host_is_asked_for_pictures_and_their_robots_and_not_for_pages() -> None:
    refusals = {wanted: GALLERY.refusal("https://cdn.gallery.example/a", wanted) for wanted in Wanted}

    assert refusals[Wanted.IMAGE] is None
    assert refusals[Wanted.ROBOTS] is None
    assert refusals[Wanted.PAGE] == (State.OUT_OF_SCOPE, "its host is not part of the agreement")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://gallery.example/",
        "file:///etc/passwd",
        "data:text/html,a",
        "javascript:alert(1)",
        "nonsense",
        "http://user@gallery.example/",
        "http://user:word@gallery.example/",
        "http://gallery.example:99999/",
    ],
)
def test_no_web_url_and_no_credentials_are_refused(url: str) -> None:
    refusal = GALLERY.refusal(url)

    assert refusal is not None
    assert refusal[0] is State.REFUSED


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "017700000001",
            "\uff11\uff12\uff17.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ),
        *(
            "[::ffff:7f00:1]",
            "[::7f00:1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::7f00:1]",
            "[2002:7f00:1::]",
            "0.0.0.0",
            "0",
        ),
        *(
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "[fe80::1]",
            "[fd00:ec2::254]",
        ),
        *(
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "[ff02::1]",
            "[fec0::1]",
        ),
    ],
)
def test_a_literal_private_address_is_refused_even_when_a_file_names_it(host: str) -> None:
    named_anyway = Scope(watched(host, "127.0.0.1", "169.254.169.254", allow_private=False))

    for scope in (GALLERY, named_anyway):
        refusal = scope.refusal(f"http://{host}/", Wanted.IMAGE)
        assert refusal is not None
        assert refusal[0] is State.REFUSED


def test_a_private_host_is_allowed_by_name_and_port_where_the_site_file_says_so() -> None:
    assert HOME.refusal("http://127.0.0.1:8000/") is None
    assert HOME.refusal("http://[::1]:8000/") is None
    assert HOME.refusal("http://127.0.0.1:8001/") == (State.OUT_OF_SCOPE, "its host is not part of the agreement")


def test_where_machines_read_their_keys_is_refused_whatever_the_site_file_says() -> None:
    refusal = HOME.refusal("http://169.254.169.254/latest/meta-data/")

    assert refusal is not None
    assert refusal[0] is State.REFUSED


PUBLIC = ("93.184.216.34", "8.8.8.8", "2606:4700::1111", "2a00:1450:4001::1", "64:ff9b::5db8:d822", "2002:5db8:d822::1")
NEVER = (
    *("0.0.0.0", "0.1.2.3", "169.254.0.1", "169.254.169.254", "168.63.129.16", "192.0.0.192", "100.100.100.200"),
    *(
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
    ),
    *(
        "255.255.255.255",
        "::",
        "::7f00:1",
        "::ffff:169.254.169.254",
        "::ffff:0:7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
    ),
    *(
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
        "2002:a00:1::",
        "2001:0:7f00:1::",
        "2001:db8::1",
        "3fff::1",
        "100::1",
    ),
    *(
        "2606:4700::5efe:7f00:1",
        "2606:4700::200:5efe:a00:1",
        "fe80::1",
        "fe80::1%lo",
        "fec0::1",
        "ff02::1",
        "4000::1",
        "fd00:ec2::254",
    ),
    *("nonsense", "", "127.1", "2130706433"),
)
AT_HOME = (
    "127.0.0.1",
    "127.8.8.8",
    "10.0.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "::1",
    "fc00::1",
    "::ffff:127.0.0.1",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_connected_to(address: str) -> None:
    assert GALLERY.address_refusal(address) is None


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_connected_to(address: str) -> None:
    assert GALLERY.address_refusal(address) is not None
    assert HOME.address_refusal(address) is not None


@pytest.mark.parametrize("address", AT_HOME)
def test_a_private_address_is_connected_to_only_where_the_site_file_says_so(address: str) -> None:
    assert GALLERY.address_refusal(address) is not None
    assert HOME.address_refusal(address) is None
