"""Results: runs that were made are not made again, nothing is lost, and pages say what the files say."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from gluon_lstm import runtime
from gluon_lstm.article import CLAIMS, ResultsDirectory, Settings, effect, find_claims, reproduce
from gluon_lstm.article.claim import Listing, Record
from gluon_lstm.article.peers import VARIABLE
from gluon_lstm.article.reproduce import UNFINISHED
from gluon_lstm.article.results import describe_origin
from gluon_lstm.article.translation import CHINESE
from gluon_lstm.errors import ConfigError, DataError, RunError
from gluon_lstm.evaluation.report.formats import markdown

QUICK = Settings(quick=True, seeds=3)
COMMITTED = Path(__file__).parents[2] / "docs" / "article"


@pytest.fixture
def directory(tmp_path, claim) -> ResultsDirectory:
    """A folder of results that does not exist yet."""
    return ResultsDirectory(tmp_path / "results", CLAIMS)


@pytest.fixture
def again(claim, directory):
    """A function that reproduces the fake claim, and returns its file."""

    def run(settings=QUICK):
        return reproduce([claim], settings, directory, "gluon-lstm reproduce fake")["fake"]

    return run


def test_a_result_says_where_it_comes_from(again, directory):
    result = again()
    assert result["settings"] == {"quick": True, "seeds": 3, "share": 1.0}
    assert result["command"] == "gluon-lstm reproduce fake"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", result["date"])
    assert result["versions"]["mxnet"] == "1.9.1"
    assert result["machine"].startswith(f"{runtime.describe_processor()}, ")
    assert [run["outcome"] for run in result["runs"]] == [{"value": 1.0}, {"value": 2.0}, {"value": 3.0}]
    assert all(re.fullmatch(r"[0-9a-f]{12}(-dirty)?", run["commit"]) for run in result["runs"] if run["commit"])
    assert all((run["date"], run["machine"]) == (result["date"], result["machine"]) for run in result["runs"])
    assert result == json.loads((directory.path / "fake.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("threads, told", [("1", "1 thread"), ("2", "2 threads")])
def test_a_result_says_how_many_threads_it_had(monkeypatch, threads, told):
    described = {"processor": "Example", "machine": "Linux, 1 core", "threads": threads, "numpy": "1"}
    monkeypatch.setattr(runtime, "describe", lambda: dict(described))
    origin = describe_origin("gluon-lstm reproduce")
    assert origin["machine"] == f"Example, Linux, 1 core, {told}" and origin["versions"] == {"numpy": "1"}


def test_what_does_not_count_is_on_the_page_and_changes_no_verdict(claim, directory):
    """The check that counts is open, the one beyond it a no, which would decide."""

    def judge(records):
        further = (effect("It is mended", [-2.0, -2.0], 1.0, "points"),)
        listings = (Listing("Line 3: a_b", "if True:\n    x = 1"),)
        return claim.judge(records)._replace(further=further, notes=("A note.",), listings=listings)

    result = reproduce([replace(claim, judge=judge)], QUICK, directory, "gluon-lstm reproduce fake")["fake"]
    assert result["verdict"] == "undecided" and [check["answer"] for check in result["further"]] == ["no"]
    page, index = ((directory.path / f"{name}.md").read_text(encoding="utf-8") for name in ("fake", "index"))
    judged, beyond = page.split("## Mended, beyond the verdict\n")
    assert "Values exceed 0" in judged and "\n\nA note.\n" in judged
    assert "| It is mended | -2 points | no spread |" in beyond
    assert "\nLine 3: a\\_b\n\n```python\nif True:\n    x = 1\n```\n" in beyond
    assert "| **undecided** | 0, 1, 0 |" in index


@pytest.mark.parametrize("quick", [True, False], ids=["quick", "full"])
def test_what_the_quick_form_cannot_show_is_said_on_its_page(claim, directory, quick):
    noted = replace(claim, quick_note="It is short.")
    reproduce([noted], replace(QUICK, quick=quick), directory, "gluon-lstm reproduce fake")
    page, index = ((directory.path / f"{name}.md").read_text(encoding="utf-8") for name in ("fake", "index"))
    assert ("\n\nIt is short.\n\nNothing is wrong.\n" in page) == quick
    assert ("\n\n**All of this is of the quick form, " in index.split("| Claim |")[0]) == quick


def test_finished_runs_are_not_made_again(again, measure, directory):
    first = again()
    before = {path.name: path.read_bytes() for path in directory.path.iterdir()}
    assert again() == first and measure.asked == [0, 1, 2]
    assert {path.name: path.read_bytes() for path in directory.path.iterdir()} == before


@pytest.mark.parametrize("python, asked", [(None, []), ("python", [1])], ids=["still no Keras", "Keras by now"])
def test_runs_that_waited_for_keras_are_made_once_it_is_there(again, directory, measure, monkeypatch, python, asked):
    again()
    path = directory.path / "fake.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["runs"][1]["outcome"].update(found=False)
    path.write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setattr(sys.modules[reproduce.__module__], "find_keras", lambda: python)
    measure.asked.clear()
    again()
    assert measure.asked == asked


@pytest.mark.parametrize("options", [{"keras": True, "snippets": []}, {"program": "keras"}])
def test_a_python_for_keras_that_is_not_there_is_told_before_the_first_run(
    claim, directory, measure, monkeypatch, tmp_path, options
):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    plan = claim.plan
    needy = replace(claim, plan=lambda settings: [{**one, **options} for one in plan(settings)])
    with pytest.raises(ConfigError, match="^claim fake: .*none: no such file; name a Python with Keras"):
        reproduce([claim, needy], QUICK, directory, "")
    assert not measure.asked


def test_runs_of_another_plan_are_told(claim, directory, again):
    again()
    lines = []
    fewer = replace(claim, plan=lambda settings: claim.plan(settings)[1:])
    reproduce([fewer], QUICK, directory, "gluon-lstm reproduce fake", lines.append)
    assert lines[0] == "fake: 1 of 3 earlier runs are no part of this release's claim, and are left out"


@pytest.mark.parametrize(
    "dataset, line",
    [
        ("mnist", "claim stability: --data-dir {}: has none of mnist's files"),
        ("imdb", "claim text: {}/imdb/train.jsonl.gz: no such file"),
    ],
)
def test_data_that_are_missing_are_told_before_the_first_run(claim, directory, measure, tmp_path, dataset, line):
    """By hand: the claim before costs hours in the full form, and its folder is made with its first run."""
    others = {"mnist": ["stability"], "imdb": ["text"]}[dataset]
    with pytest.raises(DataError, match=re.escape(line.format(tmp_path))):
        reproduce([claim, *find_claims(others)], replace(QUICK, quick=False, data_dir=str(tmp_path)), directory, "")
    assert not measure.asked and not directory.path.exists()


def test_data_of_runs_that_are_made_are_not_looked_for(claim, directory, again, monkeypatch, tmp_path):
    plan = claim.plan

    def with_data(settings):
        return [{**options, "configs": {"net": {"data": {"dataset": "mnist"}}}} for options in plan(settings)]

    needy = replace(claim, plan=with_data)
    with monkeypatch.context() as patched:
        patched.setattr("gluon_lstm.data.find_data", lambda dataset, data_dir: None)
        reproduce([needy], QUICK, directory, "")
    reproduce([needy], replace(QUICK, data_dir=str(tmp_path)), directory, "")
    with pytest.raises(DataError, match="has none of mnist's files"):
        reproduce([needy], replace(QUICK, seeds=4, data_dir=str(tmp_path)), directory, "")


def test_runs_keep_their_origin_when_they_are_judged_anew(again, claim, directory, measure):
    """By hand: the date, machine and command of those who made the runs, the checks of those who judge them."""
    path = directory.path / "fake.json"
    again()
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, "date": "2020-02-20", "machine": "another", "checks": []}), encoding="utf-8")
    result = reproduce([claim], QUICK, directory, "gluon-lstm reproduce")["fake"]
    assert (result["date"], result["machine"], result["command"]) == ("2020-02-20", "another", content["command"])
    assert result["checks"] == content["checks"] and measure.asked == [0, 1, 2]


def test_freed_memory_goes_back_after_every_run(again, measure, monkeypatch):
    made = []
    monkeypatch.setattr(runtime, "trim_memory", lambda: made.append(len(measure.asked)))
    again()
    assert made == [1, 2, 3]


def test_more_seeds_add_runs(again, measure):
    again()
    result = again(Settings(quick=True, seeds=5))
    assert measure.asked == [0, 1, 2, 3, 4]
    assert [run["options"]["seed"] for run in result["runs"]] == [0, 1, 2, 3, 4]


def test_an_interrupted_claim_goes_on_where_it_was(again, measure, directory):
    measure.fails_at = 3
    with pytest.raises(KeyboardInterrupt):
        again()
    kept = directory.read("fake")
    assert len(kept["runs"]) == 2 and kept["verdict"] is None and directory.finished() == []
    assert not (directory.path / "fake.md").exists()
    result = again()
    assert measure.asked == [0, 1, 2, 2] and result["verdict"] and directory.finished() == ["fake"]


@pytest.mark.parametrize(
    "settings, line",
    [
        (Settings(quick=False, seeds=3), "holds results of the quick form"),
        (Settings(quick=True, seeds=3, share=0.5), r"of the quick form with 100% of the training steps \(--share 1\)"),
        (Settings(quick=True, seeds=2), "holds results of 3 seeds; give as many with --seeds"),
    ],
    ids=["form", "share", "seeds"],
)
def test_results_are_not_lost_to_others(again, directory, settings, line):
    again()
    before = (directory.path / "fake.json").read_bytes()
    with pytest.raises(RunError, match=line):
        again(settings)
    assert (directory.path / "fake.json").read_bytes() == before


@pytest.mark.parametrize("name", ["notes.txt", "fake.png", "other.json", "fake-values.svg"])
def test_a_folder_with_other_files_is_refused(again, directory, measure, name):
    directory.path.mkdir()
    (directory.path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match=f"holds '{name}', which is no part of results"):
        again()
    assert measure.asked == [] and [path.name for path in directory.path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["fake.md", "index.md", "fake-values.png"])
@pytest.mark.parametrize("content", ["", "mine", "A page that ends in <!-- made by hand -->\n"])
def test_files_of_the_users_that_have_our_names_are_not_replaced(again, directory, measure, name, content):
    directory.path.mkdir()
    (directory.path / name).write_text(content, encoding="utf-8")
    message = f"{name}: was not made by this command, .* would replace it; move it, or choose"
    with pytest.raises(RunError, match=message):
        again()
    assert measure.asked == [] and (directory.path / name).read_text(encoding="utf-8") == content


def test_pages_of_the_users_in_the_translations_folder_are_not_replaced(claim, tmp_path, measure):
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "index.md").write_text("mine", encoding="utf-8")
    directory = ResultsDirectory(tmp_path / "results", CLAIMS, {CHINESE: tmp_path / "zh"})
    with pytest.raises(RunError, match="zh/index.md: was not made by this command, .* another folder with --c"):
        reproduce([claim], QUICK, directory, "gluon-lstm reproduce fake")
    assert measure.asked == []


def test_a_damaged_file_of_another_claim_is_told_before_the_runs(again, directory, measure):
    directory.path.mkdir()
    (directory.path / "depth.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RunError, match="depth.json: holds no results of depth that this release reads"):
        again()
    assert measure.asked == []


def test_runs_of_several_machines_are_told_apart(again, directory, claim):
    """By hand: two of the runs are another machine's, of a day before."""
    again()
    path, page = directory.path / "fake.json", directory.path / "fake.md"
    content = json.loads(path.read_text(encoding="utf-8"))
    for run in content["runs"][:2]:
        run.update(machine="Another", date="2020-02-20")
    path.write_text(json.dumps(content), encoding="utf-8")
    again()
    table = dict(row[:2] for row in rows(page.read_text(encoding="utf-8")) if len(row) == 2)
    assert table["Date"] == f"2020-02-20; {content['date']}" and "Another" in table["Machine"].split("; ")


def test_a_no_to_a_small_effect_is_told_as_such(claim, directory):
    """By hand: an effect of 0.5, give or take nothing, where 1 matters; and one of -0.5."""
    checks = (effect("It grows", [0.5, 0.5], 1.0, "points"), effect("It shrinks", [-0.5, -0.5], 1.0, "points"))
    judged = replace(claim, judge=lambda records: claim.judge(records)._replace(checks=checks))
    reproduce([judged], QUICK, directory, "gluon-lstm reproduce fake")
    page = (directory.path / "fake.md").read_text(encoding="utf-8")
    answers = {row[0]: row[-1] for row in rows(page) if row[0].startswith("It ")}
    assert answers == {"It grows": "no: less than matters", "It shrinks": "no"}


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"version": 2, "claim": "fake"}', '{"version": 1, "claim": "fake"}']
)
def test_a_damaged_file_is_told(again, directory, measure, content):
    directory.path.mkdir()
    (directory.path / "fake.json").write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match="fake.json: .*choose another folder"):
        again()
    assert measure.asked == [] and (directory.path / "fake.json").read_text(encoding="utf-8") == content


def deep(levels):
    """Returns a list that holds a list, and so on."""
    return [deep(levels - 1)] if levels else []


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["settings"].update(seeds="3"),
        lambda content: content["settings"].update(quick=1),
        lambda content: content["settings"].pop("share"),
        lambda content: content.update(verdict=["supported"]),
        lambda content: content.update(checks={}),
        lambda content: content["checks"][0].update(mean=None),
        lambda content: content.update(further=[{}]),
        lambda content: content.update(notes=[1]),
        lambda content: content.update(listings=[{"title": "lines"}]),
        lambda content: content["checks"][0].update(mean=10**400),
        lambda content: content["checks"][0].pop("answer"),
        lambda content: content["tables"][0].update(rows=[]),
        lambda content: content["tables"][0]["rows"][0].append(1),
        lambda content: content["figures"][0].pop("caption"),
        lambda content: content.update(runs=[]),
        lambda content: content["runs"][0].update(seconds="1"),
        lambda content: content["runs"][0].update(commit=1),
        lambda content: content["runs"][0].update(options=[]),
        lambda content: content["runs"][0].update(more=1),
        lambda content: content["runs"][0]["outcome"].update(value=deep(50)),
        lambda content: content.update(machine=None),
        lambda content: content["versions"].update(mxnet=1),
    ],
)
def test_a_file_of_another_form_is_told(tmp_path, change):
    content = json.loads((COMMITTED / "gradients.json").read_text(encoding="utf-8"))
    change(content)
    (tmp_path / "gradients.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RunError, match="gradients.json: holds no results of gradients that this release reads; choose"):
        ResultsDirectory(tmp_path, CLAIMS).read("gradients")


@pytest.mark.parametrize(
    "outcome, error", [({}, "KeyError"), ({"value": "x"}, "ValueError"), ({"value": [1.0]}, "TypeError|ValueError")]
)
def test_runs_that_cannot_be_judged_are_told(again, directory, outcome, error):
    outcomes = [{"value": 1.0}, outcome, {"value": 3.0}]
    origin = describe_origin("gluon-lstm reproduce fake")
    records = [Record({"seed": seed}, each, 0.5, None, origin["date"], origin["machine"])
               for seed, each in enumerate(outcomes)]  # fmt: skip
    directory.write("fake", QUICK, records, UNFINISHED, origin)
    before = (directory.path / "fake.json").read_bytes()
    with pytest.raises(RunError, match=rf"fake.json: its runs cannot be judged \(({error}): .*\); choose another"):
        again()
    assert (directory.path / "fake.json").read_bytes() == before


def test_a_claim_that_cannot_judge_its_own_runs_is_a_mistake_of_the_program(claim, directory):
    broken = replace(claim, judge=lambda records: {}["forgotten"])
    with pytest.raises(KeyError, match="forgotten"):
        reproduce([broken], QUICK, directory, "gluon-lstm reproduce fake")


def test_the_results_in_the_docs_are_whole():
    assert len(ResultsDirectory(COMMITTED, CLAIMS).finished()) > 10


def test_a_file_in_the_folders_place_is_told(again, directory):
    directory.path.write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="choose another folder with --output"):
        again()
    assert directory.path.read_text(encoding="utf-8") == "mine"


def test_texts_of_a_page_do_not_break_its_tables(again, directory):
    again()
    page = (directory.path / "fake.md").read_text(encoding="utf-8")
    assert "| Values exceed 0 \\| by far | 2 points |" in page
    index = (directory.path / "index.md").read_text(encoding="utf-8")
    assert "| [fake](fake.md) | something \\| with a bar | 9.9 |" in index


def rows(page):
    """Returns the cells of all table rows of a page."""
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def short(value):
    """Returns a number as pages write it."""
    return f"{value:.3g}" if value == 0 or 1e-4 <= abs(value) < 1000 else f"{value:.2e}"


def effect_of(check):
    """Returns an effect as pages write it."""
    number, unit = short(check["mean"]), check["unit"]
    return f"{number} {unit.removesuffix('s') if number.lstrip('-') == '1' else unit}"


def interval_of(check):
    """Returns an interval as pages write it."""
    low, high = check["low"], check["high"]
    return "no spread" if high - low < 1e-9 else f"{short(low)} to {short(high)}"


def answer_of(check):
    """Returns an answer as pages write it: with the reason, where the runs cannot tell or the effect is small."""
    if check["answer"] == "no" and check["low"] > 0:
        return "no: less than matters"
    return check["answer"] if not check["open_because"] else f"open: {check['open_because']}"


@pytest.mark.parametrize("name", ["augmentation", "second-model"])
def test_quick_forms_are_rebuilt_and_pages_equal_their_files(tmp_path, name):
    directory = ResultsDirectory(tmp_path / "results", CLAIMS)
    settings = Settings(quick=True, seeds=2)
    result = reproduce(find_claims([name]), settings, directory, f"gluon-lstm reproduce {name}")[name]
    page = (directory.path / f"{name}.md").read_text(encoding="utf-8")
    table = rows(page)
    for check in result["checks"]:
        (row,) = (row for row in table if row[0] == check["says"])
        assert row[1:] == [effect_of(check), interval_of(check), short(check["least"]), answer_of(check)]
    for kept in result["tables"]:
        assert all(list(map(markdown, cells)) in table for cells in kept["rows"])
    assert f"**{result['verdict']}** · quick form, 2 seeds\n" in page
    for figure in result["figures"]:
        assert f"]({figure['file']})" in page
        with Image.open(directory.path / figure["file"]) as picture:
            picture.verify()
            assert picture.format == "PNG" and min(picture.size) > 200
    index = (directory.path / "index.md").read_text(encoding="utf-8")
    (row,) = (row for row in rows(index) if f"({name}.md)" in row[0])
    answers = [check["answer"] for check in result["checks"]]
    assert row[3:5] == [f"**{result['verdict']}**", ", ".join(str(answers.count(a)) for a in ("yes", "open", "no"))]
