"""Statements and corrections: what people wrote is published as it stands, and a mistake is told with its file and line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailtls.publication.statements import MAX_STATEMENT, MOST_STATEMENTS, by_incident, read_corrections, read_statements

HEAD = "Incident: 0197f3a0-0000\nBy: partner\nName: Exämple Mail\nDate: 2026-11-14T12:00:00Z\n"


def test_statements_are_read_in_order_of_time_with_their_words_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text(f"{HEAD}\nA *mistake*.\n\nSecond: part <script>\n", "utf-8")
    (tmp_path / "a.md").write_text(HEAD.replace("12:00:00Z", "14:00:00+01:00").replace("partner", "operator") + "\nTold.\n", "utf-8")
    (tmp_path / "notes.txt").write_text("no statement")
    found, mistakes = read_statements(tmp_path)
    assert mistakes == ()
    assert [(each.by, each.at, each.markdown) for each in found] == [
        ("partner", datetime(2026, 11, 14, 12, tzinfo=UTC), "A *mistake*.\n\nSecond: part <script>"),
        ("operator", datetime(2026, 11, 14, 13, tzinfo=UTC), "Told."),
    ]
    assert found[0].document() == {
        "by": "partner", "name": "Exämple Mail", "at": "2026-11-14T12:00:00Z", "markdown": "A *mistake*.\n\nSecond: part <script>",
    }  # fmt: skip
    assert [len(several) for several in by_incident(found).values()] == [2]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("Hello.\n", 1, "is no heading; write Incident:, By:"),
        (HEAD + "Mood: bad\n\nText\n", 5, "Mood: unknown heading"),
        (HEAD + "By: operator\n\nText\n", 2, "By: stands twice"),
        (HEAD.replace("By: partner\n", "") + "\nText\n", 1, "By: is missing"),
        (HEAD.replace("partner", "nobody") + "\nText\n", 2, "By: write operator or partner"),
        (HEAD.replace("0197f3a0-0000", "../x") + "\nText\n", 1, "Incident: write the id"),
        (HEAD.replace("Exämple Mail", "\x1b[31m") + "\nText\n", 3, "Name: write a name"),
        (HEAD.replace("T12:00:00Z", "") + "\nText\n", 4, "Date: write date, time and offset"),
        (HEAD.replace("12:00:00Z", "12:00:00") + "\nText\n", 4, "Date: write date, time and offset"),
        (HEAD + "\n \n", 5, "says nothing"),
        (HEAD, 5, "is no heading"),
        (HEAD + "\n" + "x" * MAX_STATEMENT, 1, "larger than"),
    ],
)
def test_a_wrong_statement_is_told_with_its_line_and_the_others_are_read(tmp_path: Path, text: str, line: int, told: str) -> None:
    (tmp_path / "right.md").write_text(f"{HEAD}\nText\n", "utf-8")
    (tmp_path / "wrong.md").write_text(text, "utf-8")
    found, (mistake,) = read_statements(tmp_path)
    assert len(found) == 1
    assert mistake.startswith(f"{tmp_path / 'wrong.md'}:{line}: ")
    assert told in mistake


def test_octets_that_are_no_text_and_what_is_no_file_are_told_too(tmp_path: Path) -> None:
    (tmp_path / "octets.md").write_bytes(b"Incident: x\nBy: \xff\n")
    (tmp_path / "directory.md").mkdir()
    assert read_statements(tmp_path)[1] == (f"{tmp_path / 'directory.md'}:1: is no file", f"{tmp_path / 'octets.md'}:2: not UTF-8 at byte 16")
    assert read_statements(tmp_path / "none") == ((), (f"{tmp_path / 'none'}: No such file or directory",))


def test_more_files_than_are_read_are_told(tmp_path: Path) -> None:
    for number in range(MOST_STATEMENTS + 1):
        (tmp_path / f"{number:05}.md").write_text(f"{HEAD}\nText\n", "utf-8")
    found, mistakes = read_statements(tmp_path)
    assert (len(found), len(mistakes)) == (MOST_STATEMENTS, 1)


def test_corrections_are_read_in_order_of_time(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(
        "corrections:\n- {at: 2026-11-20T09:00:00Z, subject: a.example, text: It is trusted., snapshot: 12}\n"
        "- {at: '2026-11-19T09:00:00+01:00', subject: b.example, text: It was.}\n"
    )
    assert read_corrections(file) == (
        (
            {"at": "2026-11-19T08:00:00Z", "snapshot": None, "subject": "b.example", "text": "It was."},
            {"at": "2026-11-20T09:00:00Z", "snapshot": 12, "subject": "a.example", "text": "It is trusted."},
        ),
        (),
    )


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("corrections:\n- at: 2026-11-20T09:00:00Z\n  subject: a.example\n", 2, "corrections[0]: text is text"),
        ("corrections:\n- at: 2026-11-20\n  subject: a.example\n  text: x\n", 2, "corrections[0].at: at is a time"),
        ("corrections:\n- at: 2026-11-20T09:00:00Z\n  subject: a\n  text: x\n  snapshot: 0\n", 5, "snapshot is a number from 1 on"),
        ("corrections:\n- at: 2026-11-20T09:00:00Z\n  subject: a\n  text: x\n  who: me\n", 5, "unknown key"),
        ("corrections: [text]\n", 1, "write at, subject, text, snapshot"),
        ("corrections: text\n", 1, "and a list, and nothing else"),
        ("correction: []\n", 1, "and a list, and nothing else"),
        ("corrections: [\n", 2, "not YAML"),
    ],
)
def test_a_wrong_correction_is_told_with_its_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    found, (mistake,) = read_corrections(file)
    assert found == ()
    assert mistake.startswith(f"{file}:{line}: ")
    assert told in mistake


def test_a_file_of_corrections_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert read_corrections(tmp_path / "none.yaml") == ((), (f"{tmp_path / 'none.yaml'}:1: is no file",))
