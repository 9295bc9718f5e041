"""A site's directory: nothing in it is ever half written, and nothing is deleted that is not ours."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailtls.sitefolder import LIST, BadFolder, SiteFolder, is_plain, opened


def put(root: Path, files: dict[str, bytes]) -> SiteFolder:
    with opened(root) as folder:
        folder.announce(files)
        for path, octets in files.items():
            folder.write(path, octets)
        folder.settle()
        folder.keep_only(files)
        return folder


def there(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file() and not path.name.startswith(".mailtls")}


def test_what_is_written_is_there_and_what_is_gone_goes_with_its_directories(tmp_path: Path) -> None:
    root = tmp_path / "site"
    put(root, {"a.html": b"a", "d/e/f.json": b"f", "d/g.json": b"g"})
    assert there(root) == {"a.html": b"a", "d/e/f.json": b"f", "d/g.json": b"g"}
    put(root, {"a.html": b"b", "d/g.json": b"g"})
    assert there(root) == {"a.html": b"b", "d/g.json": b"g"}
    assert not (root / "d/e").exists()


def test_what_did_not_change_is_not_touched(tmp_path: Path) -> None:
    put(tmp_path / "site", {"a": b"same", "b": b"old"})
    before = {name: (tmp_path / "site" / name).stat().st_ino for name in ("a", "b")}
    assert put(tmp_path / "site", {"a": b"same", "b": b"new"}).written == 1
    after = {name: (tmp_path / "site" / name).stat().st_ino for name in ("a", "b")}
    assert (before["a"] == after["a"], before["b"] == after["b"]) == (True, False)


def test_a_directory_of_somebody_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("x")
    with pytest.raises(BadFolder, match="is not empty, and mailtls did not write it"), opened(tmp_path):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["theirs"]


def test_what_somebody_put_beside_it_is_neither_deleted_nor_written_over(tmp_path: Path) -> None:
    put(tmp_path, {"d/a": b"a", "b": b"b"})
    (tmp_path / "d/theirs").write_text("x")
    put(tmp_path, {"b": b"b"})
    assert there(tmp_path) == {"b": b"b", "d/theirs": b"x"}
    with pytest.raises(BadFolder, match=r"theirs: it is there already, and mailtls did not write it"):
        put(tmp_path, {"b": b"b", "d/theirs": b"ours"})
    assert there(tmp_path)["d/theirs"] == b"x"


def test_a_second_one_is_turned_away_while_the_first_writes(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(BadFolder, match="another mailtls publish writes it now"), opened(tmp_path):
        pass


ODD = ("", "/etc/passwd", "../a", "a/../b", "a//b", ".htaccess", "a/.b", "a\nb", "a b", "é", "a" * 256, "a/" * 600 + "a", "-a/\x1b")


@pytest.mark.parametrize("path", ODD)
def test_no_path_leads_elsewhere_or_is_odd(tmp_path: Path, path: str) -> None:
    assert not is_plain(path)
    with pytest.raises(BadFolder, match="no path that a site may have"):
        put(tmp_path, {path: b"x"})


@pytest.mark.parametrize("path", ["status/index.html", "api/v1/domains/xn--bcher-kva.example.json", "a_b/C.d"])
def test_plain_paths_are_fine(path: str) -> None:
    assert is_plain(path)


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    root, out = tmp_path / "site", tmp_path / "out"
    out.mkdir()
    put(root, {"b": b"b"})
    (root / "status").symlink_to(out)
    with pytest.raises(BadFolder, match="leads out of"):
        put(root, {"b": b"b", "status/index.html": b"x"})
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("listed", [b"{", b"{}", b"[1]", b'["../x"]', b'["/etc/passwd"]', b"\xff"])
def test_a_list_that_is_none_is_refused(tmp_path: Path, listed: bytes) -> None:
    (tmp_path / LIST).write_bytes(listed)
    with pytest.raises(BadFolder, match="no list of what mailtls wrote"):
        put(tmp_path, {"a": b"a"})


WRITER = """
import sys
from pathlib import Path
from tests.test_sitefolder import put
number = 0
while True:
    put(Path(sys.argv[1]), {f"d{number % 3}/{name}.json": f"{number} {name}".encode() * 100 for name in range(number % 5, 20)})
    print(number, flush=True)
    number += 1
"""


def test_killed_anywhere_and_run_again_it_comes_out_right(tmp_path: Path) -> None:
    root = tmp_path / "site"
    for round_ in range(8):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(root)], stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.003 * round_)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for path, octets in there(root).items():  # each file is whole, of whichever round
            number, name = octets[: octets.index(b".") if b"." in octets else len(octets)].split(b" ")[:2]
            assert octets == f"{int(number)} {Path(path).stem}".encode() * 100, name
    last = {"x/only.json": b"only"}
    put(root, last)
    assert there(root) == last
