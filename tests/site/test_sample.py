"""The made-up publication that other tests go by."""

from tests.site.sample import HOSTILE, publication


def test_has_the_labs_domains_and_a_hostile_one() -> None:
    made = publication()
    assert len(made.domains) == 26
    assert HOSTILE in made.domains["hostile.example"]["findings"][0]["text"]


def test_has_as_many_domains_as_are_wanted() -> None:
    assert len(publication(60).domains) == 60
