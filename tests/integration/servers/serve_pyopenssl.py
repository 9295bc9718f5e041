"""A TLS server of the OpenSSL that comes with mailtls (pyOpenSSL, cryptography), which is newer than the machine's own.

A program: ``serve_pyopenssl.py PORT CIPHERS GROUPS BUNDLE...``, with a cipher list and a group list in OpenSSL's manner and files of
key and chain, one at most of each key type.
"""

import socket
import sys
import threading

from OpenSSL import SSL

SECONDS = 20.0


def make_context(ciphers: str, groups: str, bundles: list[str]) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_cipher_list(ciphers.encode())
    lib = SSL._lib  # pyOpenSSL has no public call for a list of groups
    if not lib.SSL_CTX_set1_curves_list(context._context, groups.encode()):
        raise SystemExit(f"OpenSSL does not take the groups {groups}")
    for bundle in bundles:
        context.use_certificate_chain_file(bundle)
        context.use_privatekey_file(bundle)
    return context


def answer(context: SSL.Context, connection: socket.socket) -> None:
    """Do the handshake, then swallow what comes until the client has had enough."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tls = SSL.Connection(context, connection)
    tls.set_accept_state()
    try:
        tls.do_handshake()
        while tls.recv(4096):
            pass
    except SSL.ZeroReturnError:
        tls.shutdown()
    except (SSL.Error, OSError) as error:
        print(type(error).__name__, error, flush=True)
    finally:
        connection.close()


def main() -> None:
    port, ciphers, groups, *bundles = sys.argv[1:]
    context = make_context(ciphers, groups, bundles)
    with socket.create_server(("127.0.0.1", int(port)), backlog=256) as listening:
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=answer, args=(context, connection), daemon=True).start()


if __name__ == "__main__":
    main()
