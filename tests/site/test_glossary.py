"""The glossary: what a page calls by a word is explained, and what leads there arrives."""

from __future__ import annotations

from mailtls.site.files import files
from mailtls.site.glossary import OF_FAMILIES, TERMS, terms
from mailtls.site.words import english
from tests.site.reading import read
from tests.site.sample import publication

FILES = files(publication())


def test_every_term_has_a_place_and_a_meaning_in_the_order_of_the_alphabet() -> None:
    shown = read(FILES["status/glossary/index.html"].render()).one("dl", class_="glossary")
    places = [each.attributes["id"] for each in shown.all("div")]
    assert sorted(places) == sorted(TERMS)
    words = [term.text for term in shown.all("dt")]
    assert words == sorted(words, key=str.casefold)
    assert all(meaning.text.endswith(".") for meaning in shown.all("dd"))


def test_the_kinds_of_facts_of_a_ledger_lead_to_where_they_are_explained() -> None:
    page = read(FILES["status/domains/excellent.example/index.html"].render())
    led = {link.attributes["href"] for row in page.all("tr", class_="family") for link in row.all("a")}
    assert led == {f"../../glossary/#{place}" for place in OF_FAMILIES.values()}
    assert set(OF_FAMILIES.values()) <= {place for place, _, _ in terms(english())}
