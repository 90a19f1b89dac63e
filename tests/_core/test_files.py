import hashlib
import json
import math
import os
import stat

import pytest

from segml._core.files import sha256, whole_file, write_json, write_text


def listing(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_at_the_end(tmp_path) -> None:
    target = tmp_path / "a" / "b.txt"
    with whole_file(target) as aside:
        aside.write_text("done")
        assert not target.exists()
        assert aside.parent == target.parent
        assert aside.suffix == ".txt"
    assert target.read_text() == "done"
    assert listing(target.parent) == ["b.txt"]


def test_an_exception_leaves_nothing_behind(tmp_path) -> None:
    def fail() -> None:
        with whole_file(tmp_path / "b.txt") as aside:
            aside.write_text("half")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fail()
    assert listing(tmp_path) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_keeps_the_old_file(tmp_path, error) -> None:
    target = write_text(tmp_path / "b.txt", "old")

    def fail() -> None:
        with whole_file(target) as aside:
            aside.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert target.read_text() == "old"
    assert listing(tmp_path) == ["b.txt"]


def test_the_old_file_is_replaced(tmp_path) -> None:
    write_text(tmp_path / "b.txt", "a long old text")
    assert write_text(tmp_path / "b.txt", "new") == tmp_path / "b.txt"
    assert (tmp_path / "b.txt").read_text() == "new"


def test_the_block_may_remove_the_file_aside(tmp_path) -> None:
    """A writer that replaces the file aside by another of that name is fine."""
    with whole_file(tmp_path / "b.txt") as aside:
        aside.unlink()
        aside.write_text("again")
    assert (tmp_path / "b.txt").read_text() == "again"


def test_the_mode_follows_the_umask(tmp_path) -> None:
    before = os.umask(0o027)
    try:
        path = write_text(tmp_path / "b.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_folder_in_the_way_is_an_error_and_nothing_stays(tmp_path) -> None:
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(OSError, match=r"b\.txt"):
        write_text(tmp_path / "b.txt", "x")
    assert listing(tmp_path) == ["b.txt"]


def test_text_is_utf8_with_unix_lines(tmp_path) -> None:
    path = write_text(tmp_path / "b.txt", "é\n€\n")
    assert path.read_bytes() == "é\n€\n".encode()


def test_json_keeps_order_and_letters(tmp_path) -> None:
    path = write_json(tmp_path / "b.json", {"z": [1, None], "a": "é"})
    assert path.read_text(encoding="utf-8") == (
        '{\n  "z": [\n    1,\n    null\n  ],\n  "a": "é"\n}\n'
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [math.nan]}])
def test_json_refuses_what_is_not_json(tmp_path, value) -> None:
    target = write_json(tmp_path / "b.json", 1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(target, value)
    assert json.loads(target.read_text()) == 1
    assert listing(tmp_path) == ["b.json"]


def test_sha256(tmp_path) -> None:
    path = tmp_path / "b"
    path.write_bytes(b"abc" * 100_000)
    assert sha256(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()
