import pytest

from mailtls.tracking.changes import Subject

ENDPOINT = Subject(host="mx.example", family="ipv6", address="[2001:db8::1]:25")


@pytest.mark.parametrize("subject", [
        Subject("a.example"), Subject("a.example", "mx.example"), ENDPOINT, Subject(host="mx.example", family="ipv4"),
        Subject("a.example", "a/b%2F%.evil.example"),
    ],
)
def test_the_key_of_a_subject_leads_back_to_it(subject: Subject) -> None:
    assert Subject.of(subject.key) == subject


def test_a_subject_says_what_it_is_and_no_more() -> None:
    assert str(ENDPOINT) == "mx.example [2001:db8::1]:25"
    assert str(Subject(host="mx.example", family="ipv4")) == "mx.example ipv4"
    assert str(Subject("a.example")) == "a.example"


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        Subject.of("a.example")
