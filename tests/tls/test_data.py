"""The tables under mailtls/tls/data: well-formed, disjoint, and equal to what their standards' formulas give."""

import csv
import hashlib
import re
from importlib import resources

import pytest

DATA = resources.files("mailtls") / "tls" / "data"

# RFC 7919, RFC 2409 and RFC 3526: (the end of the row's name, bits, the constant X added to the digits of e or pi).
FFDHE = [("ffdhe2048", 2048, 560316), ("ffdhe3072", 3072, 2625351), ("ffdhe4096", 4096, 5736041), ("ffdhe6144", 6144, 15705020),
         ("ffdhe8192", 8192, 10965728)]
MODP = [("(group 1)", 768, 149686), ("(group 2)", 1024, 129093), ("(group 5)", 1536, 741804), ("(group 14)", 2048, 124476),
        ("(group 15)", 3072, 1690314), ("(group 16)", 4096, 240904), ("(group 17)", 6144, 929484), ("(group 18)", 8192, 4743158)]
GUARD = 64


def table(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def e_scaled(bits: int) -> int:
    """floor(2**bits * e), by the series of 1/k!."""
    total = term = 1 << (bits + GUARD)
    k = 1
    while term:
        term //= k
        total += term
        k += 1
    return total >> GUARD


def pi_scaled(bits: int) -> int:
    """floor(2**bits * pi), by Machin's formula."""
    one = 1 << (bits + GUARD)

    def arctan_of_inverse(x: int) -> int:
        power = one // x
        total, n, sign = power, 3, -1
        while power:
            power //= x * x
            total += sign * (power // n)
            n, sign = n + 2, -sign
        return total

    return (4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))) >> GUARD


def prime(bits: int, constant: int) -> int:
    return 2**bits - 2 ** (bits - 64) - 1 + 2**64 * constant


def digest(number: int) -> str:
    return hashlib.sha256(number.to_bytes((number.bit_length() + 7) // 8, "big")).hexdigest()


def probably_prime(n: int) -> bool:
    """Fermat's test to base 2 for n and for (n - 1) / 2: enough to catch a wrong digit."""
    return pow(2, n - 1, n) == 1 and pow(2, (n - 1) // 2 - 1, (n - 1) // 2) == 1


def named(part: str) -> dict[str, str]:
    found = [row for row in table("dh-primes.csv") if row["Name"].endswith(part)]
    assert len(found) == 1
    return found[0]


def test_the_constants_are_the_well_known_ones():
    assert f"{pi_scaled(64):x}" == "3243f6a8885a308d3"
    assert f"{e_scaled(64):x}" == "2b7e151628aed2a6a"


def test_dh_primes_are_well_formed():
    rows = table("dh-primes.csv")
    assert list(rows[0]) == ["Name", "Bits", "Generator", "SHA256", "Source"]
    assert len(rows) >= 50
    for row in rows:
        assert None not in {*row, *row.values()}, row
        assert re.fullmatch(r"[0-9a-f]{64}", row["SHA256"]), row
        assert int(row["Bits"]) in range(512, 8193, 64), row
        assert row["Generator"] == "" or 2 <= int(row["Generator"]) < 65536, row
        assert all(row[column].strip() and row[column].isascii() for column in ("Name", "Source")), row
    for column in ("Name", "SHA256"):
        assert len({row[column] for row in rows}) == len(rows), column


def test_a_size_in_a_name_is_the_size_of_the_prime():
    for row in table("dh-primes.csv"):
        sizes = re.findall(r"(?<![\d.])(?:512|768|1024|1536|2048|3072|4096|6144|8192)(?![\d.])", row["Name"])
        if sizes:
            assert sizes[0] == row["Bits"], row


@pytest.mark.parametrize(("name", "bits", "x"), FFDHE)
def test_rfc_7919_primes_are_what_the_formula_gives(name, bits, x):
    row = named(name)
    assert (row["Bits"], row["Generator"]) == (str(bits), "2")
    assert row["SHA256"] == digest(prime(bits, e_scaled(bits - 130) + x))


@pytest.mark.parametrize(("name", "bits", "x"), MODP)
def test_rfc_2409_and_3526_primes_are_what_the_formula_gives(name, bits, x):
    row = named(name)
    assert (row["Bits"], row["Generator"]) == (str(bits), "2")
    assert row["SHA256"] == digest(prime(bits, pi_scaled(bits - 130) + x))


@pytest.mark.parametrize(("number", "bits"), [
    (prime(768, pi_scaled(638) + 149686), 768),
    (prime(1024, pi_scaled(894) + 129093), 1024),
    (prime(2048, e_scaled(1918) + 560316), 2048),
], ids=["group 1", "group 2", "ffdhe2048"])
def test_what_the_formula_gives_is_a_safe_prime(number, bits):
    assert number.bit_length() == bits
    assert number & (2**64 - 1) == 2**64 - 1 == number >> (bits - 64)
    assert probably_prime(number)


@pytest.mark.parametrize("name", ["cipher-suites.csv", "unregistered-cipher-suites.csv"])
def test_cipher_suites_are_well_formed(name):
    rows = table(name)
    values = [row["Value"] for row in rows]
    assert len(set(values)) == len(values)
    assert len({row["Description"] for row in rows}) == len(rows)
    for row in rows:
        assert re.fullmatch(r"0x[0-9A-F]{2},0x[0-9A-F]{2}", row["Value"]), row
        assert re.fullmatch(r"[A-Za-z0-9_-]+", row["Description"]), row
        assert row["Reference"].startswith("["), row


def test_no_suite_is_both_registered_and_not():
    registered, unregistered = table("cipher-suites.csv"), table("unregistered-cipher-suites.csv")
    for column in ("Value", "Description"):
        assert not {row[column] for row in registered} & {row[column] for row in unregistered}
    assert [row["Value"] for row in unregistered] == sorted(row["Value"] for row in unregistered)


@pytest.mark.parametrize(("value", "name"), [
    ("0xCC,0x13", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256_OLD"),
    ("0x00,0x62", "TLS_RSA_EXPORT1024_WITH_DES_CBC_SHA"),
    ("0xFE,0xFF", "SSL_RSA_FIPS_WITH_3DES_EDE_CBC_SHA"),
    ("0xFF,0xE0", "SSL_RSA_OLDFIPS_WITH_3DES_EDE_CBC_SHA"),
    ("0x00,0x81", "TLS_GOSTR341001_WITH_28147_CNT_IMIT"),
])
def test_suites_that_servers_are_known_to_accept_have_a_name(value, name):
    assert {row["Value"]: row["Description"] for row in table("unregistered-cipher-suites.csv")}[value] == name


def test_sslv2_cipher_kinds_are_well_formed():
    rows = table("sslv2-cipher-kinds.csv")
    assert list(rows[0]) == ["Value", "Description", "Reference"]
    assert all(re.fullmatch(r"0x[0-9A-F]{6}", row["Value"]) and row["Description"].startswith("SSL_CK_") for row in rows)
    assert all(row["Reference"].startswith("[") for row in rows)
    for column in ("Value", "Description"):
        assert len({row[column] for row in rows}) == len(rows)


def test_the_drafts_seven_sslv2_kinds_are_there():
    drafts = [row["Value"] for row in table("sslv2-cipher-kinds.csv") if "draft" in row["Reference"]]
    assert drafts == ["0x010080", "0x020080", "0x030080", "0x040080", "0x050080", "0x060040", "0x0700C0"]


def test_the_key_length_is_the_last_two_octets_of_an_sslv2_kind():
    """The draft's kinds name their key's bits, parity included, in the last two octets."""
    for row in table("sslv2-cipher-kinds.csv"):
        bits = re.match(r"SSL_CK_(?:RC4|RC2|IDEA|DES)_(\d+)", row["Description"])
        if bits and "draft" in row["Reference"]:
            assert int(row["Value"][4:], 16) == int(bits[1]), row
