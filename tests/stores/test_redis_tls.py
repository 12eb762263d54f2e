"""TLS: with their certificate and ours; and what is said where they do not fit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from longshore import App
from longshore.errors import ConfigError, StoreUnavailable
from longshore.stores import open_store
from longshore.testing.samples import claim, jobs
from servers.group import HOST, free_port
from servers.tls import certificate, tls
from servers.valkey import Valkey, valkey


@pytest.fixture(scope="module")
def server() -> Iterator[Valkey]:
    with valkey(requirepass="right") as server:
        yield server


def url(port: int, host: str = "localhost", scheme: str = "rediss", **options: str) -> str:
    asked = "&".join(f"{name}={value}" for name, value in options.items())
    return f"{scheme}://:right@{host}:{port}?timeout=2&{asked}"


CA = certificate("ca.crt")
OURS = {"ssl_certfile": certificate("client.crt"), "ssl_keyfile": certificate("client.key")}


@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
def test_jobs_over_tls(server, scheme):
    server.say("FLUSHALL")
    with tls(server.socket) as port:
        app = App(url(port, scheme=scheme, ssl_ca_certs=CA, namespace=scheme))
        app.store.subscribe(["queue:a"], lambda: None)
        assert app.store.add(jobs(300, args=bytes(1000))) == jobs(300, args=bytes(1000))
        assert len(claim(app.store, 300)) == 300
        app.close()


def test_a_server_that_wants_our_certificate(server):
    with tls(server.socket, wants_certificate=True) as port:
        store = open_store(url(port, ssl_ca_certs=CA, **OURS))
        store.open()
        store.close()
        # Whether its refusal arrives before it hangs up is a race.
        with pytest.raises((ConfigError, StoreUnavailable), match=r"ssl_certfile=FILE&ssl_keyfile=FILE"):
            open_store(url(port, ssl_ca_certs=CA)).open()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "ssl_ca_certs=FILE"),
        ({"ssl_ca_certs": certificate("other.crt")}, "is not accepted: "),
        ({"ssl_ca_certs": CA, "host": "127.0.0.1"}, "write the host as the certificate has it"),
    ],
)
def test_a_certificate_that_is_not_trusted(server, options, words):
    with tls(server.socket) as port, pytest.raises(ConfigError) as caught:
        open_store(url(port, **options)).open()
    assert words in str(caught.value)
    assert "right" not in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3


@pytest.mark.parametrize(
    "options", [{"ssl_check_hostname": "false", "ssl_ca_certs": CA}, {"ssl_cert_reqs": "none"}]
)
def test_less_can_be_asked_for(server, options):
    with tls(server.socket) as port:
        store = open_store(url(port, host="127.0.0.1", **options))
        store.open()
        store.close()


def test_tls_where_there_is_none():
    port = free_port()
    with valkey(port=str(port), bind=HOST), pytest.raises(StoreUnavailable, match="speaks TLS there"):
        open_store(url(port).replace("timeout=2", "timeout=0.5")).open()


def test_no_tls_where_there_is(server):
    with tls(server.socket) as port, pytest.raises(StoreUnavailable, match="whether it wants TLS: rediss://"):
        open_store(f"redis://localhost:{port}?timeout=1").open()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ssl_ca_certs": "/none.crt"}, "'/none.crt' is no file"),
        ({"ssl_certfile": CA}, "two files"),
        ({"ssl_cert_reqs": "perhaps"}, "one of required"),
    ],
)
def test_options_that_cannot_be(options, words):
    with pytest.raises(ConfigError, match=words):
        open_store(url(1, **options))
