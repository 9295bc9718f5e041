"""The lab's policy hosts do what their script says, and the lab's own ones serve what their providers are said to have."""

import asyncio
import contextlib
import socket
import ssl
import urllib.error
import urllib.request

import pytest

from mailtls.lab import TLS, Lab, Serving, StsServer
from mailtls.lab.sts_server import policy, response


def get(address, name, ca):
    """Ask as any client would, by the standard library, whose verdict on the certificate counts."""
    context = ssl.create_default_context(cadata=ca.decode())
    with socket.create_connection(address, timeout=5) as plain, context.wrap_socket(plain, server_hostname=name) as secured:
        secured.sendall(f"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        told = b""
        with contextlib.suppress(ssl.SSLEOFError):
            while chunk := secured.recv(65536):
                told += chunk
        return told


async def test_every_policy_of_the_lab_is_served_with_a_certificate_that_counts():
    async with await Lab.start() as lab:
        having = [provider for provider in lab.providers if provider.policy is not None]
        assert [provider.name for provider in having] == ["excellent", "solid", "sts-mismatch"]
        assert lab.configuration()["mta_sts"] == {"https_port": lab.https_port}
        for provider in having:
            domain = provider.domains[0]
            server = lab.sts_servers[domain]
            told = await asyncio.to_thread(get, server.address, f"mta-sts.{domain}", lab.authority.root_pem)
            assert told == provider.policy.serving.answer
            assert server.server_names == [f"mta-sts.{domain}"]
            assert server.requests[0].startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1")
            assert lab.nameserver.records[f"_mta-sts.{domain}", "TXT"]


async def test_a_response_and_a_policy_are_written_as_the_standards_have_them(authority):
    body = policy("enforce", "mx.a.example", "*.b.example", max_age=5)
    assert body == b"version: STSv1\r\nmode: enforce\r\nmx: mx.a.example\r\nmx: *.b.example\r\nmax_age: 5\r\n"
    assert policy("none", end="\n") == b"version: STSv1\nmode: none\nmax_age: 604800\n"
    assert response(b"x", headers={"Content-Type": ""}) == b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    server = await StsServer.start("127.0.0.1", 0, Serving(TLS((authority.issue(["localhost"]),)), response(body)))
    try:
        context = ssl.create_default_context(cadata=authority.root_pem.decode())
        url = f"https://localhost:{server.address[1]}/.well-known/mta-sts.txt"

        def ask():
            with urllib.request.urlopen(url, context=context, timeout=5) as answer:
                return answer.headers["Content-Type"], answer.read()

        assert await asyncio.to_thread(ask) == ("text/plain", body)
        server.serving = Serving(server.serving.tls, response(b"", "404 Not Found"))
        with pytest.raises(urllib.error.HTTPError):
            await asyncio.to_thread(ask)
    finally:
        await server.stop()
        await server.stop()
