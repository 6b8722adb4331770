"""Claims from the command line."""

from dataclasses import replace

import pytest

from gluon_lstm.article import CLAIMS


@pytest.mark.parametrize(
    "arguments, line",
    [
        (("gradient",), "gradient: no such claim; did you mean 'gradients'?"),
        (("--seeds", "1"), "--seeds 1: must be from 2 to 100; an interval needs 2"),
        (("--seeds", "101"), "--seeds 101: must be from 2 to 100; an interval needs 2"),
        (("--share", "0"), "--share 0: must be above 0, at most 1"),
        (("--data-dir", "nowhere"), "--data-dir nowhere: "),
    ],
)
def test_what_cannot_be_examined_is_told_in_a_line(refuses, arguments, line):
    assert f"gluon-lstm reproduce: {line}" in refuses("reproduce", *arguments)


def test_a_folder_with_other_files_is_told(refuses, tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    assert "holds 'notes.txt'" in refuses("reproduce", "--output", tmp_path)


def test_pages_in_chinese_need_a_folder_of_their_own(refuses, tmp_path):
    folder = tmp_path / "results"
    line = refuses("reproduce", "--output", folder, "--chinese", folder)
    assert f"{folder}: must be apart from the results in {folder}; choose another folder with --chinese" in line
    assert not folder.exists()


def test_an_interrupt_says_what_is_kept(cli, tmp_path, monkeypatch):
    claim = CLAIMS["depth"]

    def measure(options, data_dir):
        if options["seed"]:
            raise KeyboardInterrupt
        return {"test_accuracy": 0.9, "test_nll": 0.5, "train_nll": 0.25}

    monkeypatch.setitem(CLAIMS, "depth", type(claim)(**{**vars(claim), "measure": measure}))
    outcome = cli("reproduce", "depth", "--quick", "--seeds", 2, "--output", tmp_path / "results")
    assert outcome.code == 130
    told = f"the runs that ended are in {tmp_path / 'results'}; the same command makes the others"
    assert outcome.err.splitlines()[-2:] == [told, "gluon-lstm reproduce: interrupted"]


def test_an_interrupt_of_the_first_run_keeps_nothing_and_says_so(cli, tmp_path, monkeypatch):
    def measure(options, data_dir):
        raise KeyboardInterrupt

    monkeypatch.setitem(CLAIMS, "depth", replace(CLAIMS["depth"], measure=measure))
    outcome = cli("reproduce", "depth", "--quick", "--output", tmp_path / "results")
    assert outcome.code == 130
    assert outcome.err.splitlines() == ["depth: 15 of 15 runs to make", "gluon-lstm reproduce: interrupted"]


def test_a_part_of_the_steps_and_why_checks_are_open_are_told(cli, tmp_path, monkeypatch):
    def measure(options, data_dir):
        return {"test_accuracy": 1 - options["seed"] / 1e6, "test_nll": 0.5, "train_nll": 0.25}

    monkeypatch.setitem(CLAIMS, "depth", replace(CLAIMS["depth"], measure=measure))
    folders = ("--output", tmp_path / "results", "--chinese", tmp_path / "zh")
    outcome = cli("reproduce", "depth", "--quick", "--share", 0.1, *folders)
    assert "depth: of 0.1 of the training steps, which says nothing of the article\n" in outcome.out
    assert "depth: 4 open for a reason of its own: no room for more\n" in outcome.out
    english, chinese = ((tmp_path / name / "index.md").read_text("utf-8") for name in ("results", "zh"))
    assert "| quick, 3, **0.1 of the training steps** |" in english and "| 快速版，3，**训练步数的 0.1** |" in chinese
    assert "to try things" in english and "仅供试用" in chinese
    assert "* [depth](depth.md): no room for more (4)\n" in english
    page = (tmp_path / "results" / "depth.md").read_text("utf-8")
    assert "· quick form, 3 seeds, 0.1 of the training steps\n" in page
    assert "| Share of the training steps | 0.1 |\n" in page
    assert "* [depth](depth.md)：已无改进余地（4 项）\n" in chinese


def test_verdicts_are_printed_and_the_page_is_named(cli, tmp_path, monkeypatch):
    claim = CLAIMS["depth"]
    accuracies = {"1 layer": 0.9, "2 layers, as wide": 0.95, "2 layers, as many weights": 0.9}

    def measure(options, data_dir):
        accuracy = accuracies.get(options["variant"], 0.85) + options["seed"] / 1000
        return {"test_accuracy": accuracy, "test_nll": 0.5, "train_nll": 0.25}

    monkeypatch.setitem(CLAIMS, "depth", type(claim)(**{**vars(claim), "measure": measure}))
    folders = ("--output", tmp_path / "results", "--chinese", tmp_path / "zh")
    outcome = cli("reproduce", "depth", "--quick", "--seeds", 2, *folders)
    assert outcome.code == 0
    (row,) = (line for line in outcome.out.splitlines() if "depth" in line and "index.md" not in line)
    assert row.replace("│", " ").split() == ["depth", "partly", "1", "0", "3"]
    assert f"pages: {tmp_path / 'results' / 'index.md'}" in outcome.out
    assert "depth: 10 of 10 runs to make" in outcome.err
    for folder, title in (("results", "# More layers"), ("zh", "# 更多的层")):
        page = (tmp_path / folder / "depth.md").read_text("utf-8")
        assert page.startswith(title) and "`gluon-lstm reproduce depth --quick --seeds 2`" in page
    assert f"pages in Chinese: {tmp_path / 'zh' / 'index.md'}" in outcome.out and "translation" not in outcome.err
