"""Text and octets as a database keeps them: compressed, with what such documents have in common known beforehand.

A document of a few hundred octets has little in it that comes twice, but much that is in every other one as well: keys, usual replies, the names
of facts and causes. zlib is told of that in a preset dictionary (RFC 1950 section 2.2), which a stream names by its checksum; what was
compressed without one is read all the same.
"""

from __future__ import annotations

import json
import zlib

LARGEST = 64 * 2**20
"""Octets of an uncompressed document beyond which it is neither written nor read."""

_COMMON = (
    # What is rare comes first: near things cost less to refer to. Never change this; another one would stand beside it.
    '"openpgp":"no-such-name","server-failure","bogus","no-data","implicit":true,"omitted":1,"alias":{"early_data":16384,"ocsp_staple":'
    '"SSLv3""TLSv1.0""TLSv1.1""TLSv1.2""TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256""TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"'
    '"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384""TLS_DHE_RSA_WITH_AES_256_CBC_SHA""TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256""TLS_AES_128_GCM_SHA256"'
    '"rsa_pss_rsae_sha256","ecdsa_secp256r1_sha256","secp256r1","X25519MLKEM768","x25519"'
    '"dnssec-bogus","no-address","blocked","tarpit","deferred","read-timeout","connection-closed","protocol-error","budget-exhausted"'
    '"dns-timeout","dns-failure","unreachable","connect-refused","rate-limited","connect-timeout"'
    '{"format":1,"kind":"change","before":{"at":"2026-01-01T00:00:00.000000+00:00","strength":1.0,"connections":1,"shown":"nothing"},'
    '"attribution":"unexplained","vantage":"why":"it was seen once only","muted":"after":{"at":"2026-01-01T00:00:00+00:00","strength":0.0,'
    '"connections":3,"shown":"not offered","evidence":"","full":true}}"accepted""refused""trusted""valid""none""enforce""insecure""secure"'
    '{"values":{"plaintext_after_starttls":"false","requiretls":"absent","negotiated":"{\\"cipher_suite\\":\\"TLS_AES_256_GCM_SHA384\\",'
    '\\"group\\":\\"X25519MLKEM768\\",\\"version\\":\\"TLSv1.3\\"}","forward_secrecy_negotiated":"true","certificates":"[{\\"key_bits\\":2048,'
    '\\"key_type\\":\\"RSA\\",\\"signature_algorithm\\":\\"sha256\\"}]","certificate_trusted":"true","certificate_name_match":"true",'
    '"certificate_key_strength":"112","tls_versions":"[\\"TLSv1.2\\",\\"TLSv1.3\\"]","cipher_suites":"groups":"post_quantum":"false",'
    '"dh_bits":"absent","forward_secrecy":"\\"always\\"","server_cipher_preference":"true","signature_schemes":"starttls_offered":"true",'
    '"starttls_accepted":"true","starttls_stripped":"false","ehlo_keywords":"[\\"8BITMIME\\",\\"ENHANCEDSTATUSCODES\\",\\"PIPELINING\\",'
    '\\"SIZE 52428800\\",\\"STARTTLS\\"]"},"long":{"'
    '{"2026-01-01":{"connect-timeout at connect":1,"conclusive":95},"2026-01-02":{"conclusive":96},"2026-01-03":{"conclusive":96}}'
    '{"format":1,"kind":"RouteEvidence","value":{"domain":"example.org","mx":{"name":"example.org.","rdtype":"MX","outcome":"answered","records":['
    '"10 mx1.example.org."],"canonical":"example.org.","authenticated":true,"ttl":3600},"hosts":[{"host":"mx1.example.org","preference":10,'
    '"addresses":[{"name":"mx1.example.org.","rdtype":"A","outcome":"answered","records":["192.0.2.1"],"canonical":"mx1.example.org.",'
    '"authenticated":false,"ttl":300},{"name":"mx1.example.org.","rdtype":"AAAA","outcome":"answered","records":["2001:db8::1"]}],'
    '"tlsa":[{"name":"_25._tcp.mx1.example.org.","rdtype":"TLSA","records":["3 1 1 ]}],"mta_sts":{"record":{"name":"_mta-sts.example.org.",'
    '"rdtype":"TXT","outcome":"no-such-name"},"fetch":{"url":"https://mta-sts.example.org/.well-known/mta-sts.txt","host":"mta-sts.example.org",'
    '"id":"status":200,"content_type":"text/plain","body":"version: STSv1\\r\\nmode: enforce\\r\\nmx: mx1.example.org\\r\\nmax_age: 604800\\r\\n'
    '"}},'
    '"tls_rpt":{"name":"_smtp._tls.example.org.","rdtype":"TXT","records":["\\"v=TLSRPTv1; rua=mailto:tls-reports@example.org\\""]},'
    '{"format":1,"kind":"ScanEvidence","value":{"endpoint":{"host":"mx.example.org","address":"192.0.2.1","server_name":"mx.example.org"},'
    '"purpose":"full","began":"2026-01-01T00:00:00.000000+00:00","failure":{"cause":"connect-timeout","stage":"connect","detail":"no answer '
    'within 10 s"},"source":"[2001:db8::1]:50000","handshake":{"Refused":{"alert":40,"name":"handshake_failure"}},"with_sni":false'
    '"purpose":"quick","probes":[{"offer":{"key_type":"RSA"},"offer":{"key_type":"ECDSA"},"offer":{"key_type":"EdDSA"},"offer":{},"began":'
    '"2026-01-01T00:00:00.000000+00:00","exchanges":[{"stage":"greeting","sent":"","received":"220 mx.example.org ESMTP Postfix\\r\\n",'
    '"began":0.0,"took":0.0},{"stage":"ehlo","sent":"EHLO probe.example.net\\r\\n","received":"250-mx.example.org Hello [192.0.2.1]\\r\\n'
    "250-VRFY\\r\\n250-ETRN\\r\\n250-DSN\\r\\n250-SMTPUTF8\\r\\n250 CHUNKING\\r\\n250-AUTH PLAIN LOGIN\\r\\n250-HELP\\r\\n250-REQUIRETLS\\r\\n"
    "250-PIPELINING\\r\\n250-SIZE 52428800\\r\\n250-STARTTLS\\r\\n250-ENHANCEDSTATUSCODES\\r\\n250-8BITMIME\\r\\n250 8BITMIME\\r\\n"
    '","began":0.0,"took":0.0},{"stage":"starttls","sent":"STARTTLS\\r\\n","received":"220 2.0.0 Ready to start TLS\\r\\n","began":0.0,'
    '"took":0.0},{"stage":"ehlo-tls","sent":"EHLO probe.example.net\\r\\n","received":"454 4.7.0 TLS not available\\r\\n","took":0.0},'
    '{"stage":"quit","sent":"QUIT\\r\\n","received":"221 2.0.0 Bye\\r\\n","began":0.0,"took":0.0}],"handshake":{"Handshake":{"version":"TLSv1.3",'
    '"cipher_suite":"TLS_AES_256_GCM_SHA384","group":"X25519MLKEM768","chain":[0,1]}},"took":0.3,"octets_sent":1900,"octets_received":5200,'
    '"source":"192.0.2.9:50000","probe_id":""}],"vantage":"fra1"},"shared":[],"octets":["'
).encode("ascii")


def deflated(octets: bytes) -> bytes:
    """Return octets as they are kept."""
    packing = zlib.compressobj(zdict=_COMMON)
    return packing.compress(octets) + packing.flush()


def inflated(octets: bytes, largest: int = LARGEST) -> bytes:
    """Read what :func:`deflated` wrote, or what was compressed without a dictionary.

    Raises:
        ValueError: it is damaged, cut off, followed by something else, or larger than that.

    """
    unpacking = zlib.decompressobj(zdict=_COMMON)
    try:
        found = unpacking.decompress(octets, largest)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("it is cut off, too long, or followed by something else")
    return found


def packed(value: object) -> bytes:
    """Return what JSON can hold as it is kept."""
    return deflated(json.dumps(value, separators=(",", ":")).encode("ascii"))


def unpacked(octets: bytes) -> object:
    """Read what :func:`packed` wrote. Raises ``ValueError`` for what is damaged."""
    return json.loads(inflated(octets))
