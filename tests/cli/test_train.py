import json
from dataclasses import replace

import numpy as np
import pytest
import yaml
from commands import TINY, idx

from gluon_lstm.cli import options as command_options
from gluon_lstm.cli import train
from gluon_lstm.config import Config, merge, preset
from gluon_lstm.data import load_splits, mnist
from gluon_lstm.rundir import RunDirectory


def weights(run):
    return (run / "model" / "parameters.safetensors").read_bytes()


def test_a_run_directory_holds_all_of_the_run(trained):
    names = sorted(path.relative_to(trained).as_posix() for path in trained.rglob("*") if path.is_file())
    assert [name for name in names if not name.startswith(("checkpoints/", "events/", "evaluation/"))] == [
        "config.json",
        "log.jsonl",
        "model/model.json",
        "model/parameters.safetensors",
    ]
    assert len(list((trained / "events").iterdir())) == 1
    assert [record["epoch"] for record in RunDirectory.open(trained).read_log()] == [1, 2]


def test_the_record_names_settings_data_and_versions(trained):
    record = RunDirectory.open(trained).read_record()
    assert record["training"]["epochs"] == 2
    assert record["data"]["limit_train"] == 60
    assert {split: part["samples"] for split, part in record["dataset"]["splits"].items()} == {
        "train": 60,
        "validation": 180,
        "test": 360,
    }
    assert all(len(part["sha256"]) == 64 for part in record["dataset"]["splits"].values())
    assert {"python", "mxnet", "numpy", "machine", "threads"} <= set(record["environment"])


def test_what_a_person_sees(cli, tmp_path):
    code, out, err = cli("train", "--output", tmp_path / "run", *TINY)
    assert code == 0
    best, where = out.splitlines()
    assert best.startswith("best epoch ")
    assert where == f"model in {tmp_path / 'run'}; evaluate it with: gluon-lstm evaluate {tmp_path / 'run'}"
    sizes, model, *epochs = err.splitlines()
    assert sizes == "digits: 60 train, 180 validation, 360 test; 10 classes"
    assert model == "default: 810 parameters"
    assert [line[:11] for line in epochs[:-1]] == ["epoch   1/2", "epoch   2/2"]
    assert epochs[-1] == "note: 6 steps are too few to learn much; try a smaller --batch-size or more --epochs"


@pytest.mark.parametrize("monitor", ["accuracy", "macro-f1", "loss"])
def test_what_the_epoch_was_chosen_by_is_told(cli, tmp_path, monitor):
    told = cli("train", "--output", tmp_path / "run", *TINY, "--monitor", monitor).out.splitlines()[0]
    best = next(record for record in RunDirectory.open(tmp_path / "run").read_log()[::-1] if record["best"])
    shown = {
        "accuracy": f"validation accuracy {best['validation_accuracy']:.2%}",
        "macro-f1": f", macro F1 {best['validation_macro_f1']:.2%}",
        "loss": f", loss {best['validation_loss']:.4f}",
    }
    assert told.endswith(shown[monitor])


def test_the_run_directory_has_a_name_of_its_own_if_none_is_given(cli, tmp_path):
    assert cli("train", "--seed", 3, *TINY).code == 0
    assert (tmp_path / "work" / "runs" / "digits-default-3" / "model").is_dir()


@pytest.mark.parametrize("options", [(), ("--preset", "default"), ("--seed", "0", "--limit-train", "60")])
def test_a_runs_config_repeats_it_to_the_byte(cli, trained, tmp_path, options):
    outcome = cli("train", "--config", trained / "config.json", "--output", tmp_path / "again", *options)
    assert outcome.code == 0
    assert "warning" not in outcome.err
    assert weights(tmp_path / "again") == weights(trained)
    first, again = (RunDirectory.open(run).read_record() for run in (trained, tmp_path / "again"))
    assert first == again


@pytest.mark.parametrize("before, told", [("3", True), ("2", False), ("many", False), (None, False), ("0", False)])
def test_other_threads_than_in_the_run_that_is_repeated_are_told(cli, trained, tmp_path, monkeypatch, before, told):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    record, config = RunDirectory.open(trained).read_record(), tmp_path / "config.json"
    record["environment"]["threads"] = before
    config.write_text(json.dumps(record))
    outcome = cli("train", "--config", config, "--output", tmp_path / "again", "--epochs", 1)
    line = (f"warning: {config} was trained with --threads 3, and this run has 2: its numbers may differ in their last "
            f"digits; give --threads 3 for the same to the byte\n")  # fmt: skip
    assert outcome.code == 0
    assert (line in outcome.err) is told
    assert outcome.err.count("warning: ") == int(told)


@pytest.mark.parametrize("before, told", [("Example with AVX-512", True), (None, False)], ids=["another", "unknown"])
def test_another_processor_than_that_of_the_run_that_is_repeated_is_told(cli, trained, tmp_path, before, told):
    record, config = RunDirectory.open(trained).read_record(), tmp_path / "config.json"
    record["environment"]["processor"] = before
    config.write_text(json.dumps(record))
    outcome = cli("train", "--config", config, "--output", tmp_path / "again", "--epochs", 1)
    line = f"warning: {config} was trained on 'Example with AVX-512', and this machine has "
    assert outcome.code == 0 and (line in outcome.err) is told


def test_another_seed_gives_another_model(cli, trained, tmp_path):
    assert cli("train", "--config", trained / "config.json", "--output", tmp_path / "other", "--seed", 1).code == 0
    assert weights(tmp_path / "other") != weights(trained)


def test_a_run_on_other_data_is_told_apart(cli, trained, tmp_path):
    options = ("--config", trained / "config.json", "--output", tmp_path / "other", "--split-seed", 1)
    outcome = cli("train", *options)
    assert outcome.code == 0
    config = trained / "config.json"
    for split in ("train", "validation"):
        assert f"warning: the {split} split is not the one that {config} was trained on\n" in outcome.err
    assert "test split" not in outcome.err


def test_the_file_of_options_is_read_once(cli, tmp_path, monkeypatch):
    read, changes = [], {"model": {"hidden_size": 2}}
    monkeypatch.setattr(command_options, "read_config_file", lambda path: read.append(path) or changes)
    outcome = cli("train", *TINY, "--config", "settings.yaml", "--output", tmp_path / "run")
    assert (outcome.code, read) == (0, ["settings.yaml"])


def test_flags_lie_over_the_file_over_the_preset(cli, tmp_path):
    file = tmp_path / "settings.yaml"
    settings = {"model": {"head_size": 7, "hidden_size": 9}, "training": {"epochs": 1}}
    # The article's single thread cannot be had any more in this process.
    file.write_text(yaml.safe_dump({**settings, "runtime": {"threads": None}}))
    options = ("--preset", "article", "--config", file, "--hidden-size", 4, "--no-bidirectional", "--limit-train", 20)
    assert cli("train", *options, "--output", tmp_path / "run").code == 0
    changes = {
        "data": {"limit_train": 20},
        "model": {"head_size": 7, "hidden_size": 4},
        "training": {"epochs": 1},
        "runtime": {"threads": None},
    }
    assert RunDirectory.open(tmp_path / "run").read_config() == merge(preset("article"), changes)


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["", "dry run"])
def test_a_flag_without_effect_is_told(cli, tmp_path, dry):
    outcome = cli("train", "--output", tmp_path / "run", *TINY, "--momentum", 0.5, *dry)
    assert outcome.code == 0
    assert outcome.err.splitlines()[0] == "warning: --momentum has no effect: needs --optimizer sgd"
    assert outcome.err.count("warning: ") == 1


def test_a_file_can_name_its_preset(cli, tmp_path):
    (tmp_path / "c.yaml").write_text("preset: best\nmodel: {hidden_size: 2}\ntraining: {epochs: 1}\n")
    assert cli("train", "--config", tmp_path / "c.yaml", "--limit-train", 20, "--output", tmp_path / "run").code == 0
    config = RunDirectory.open(tmp_path / "run").read_config()
    assert (config.preset, config.training.ema_decay) == ("best", preset("best").training.ema_decay)


def test_force_overwrites_a_run(cli, tmp_path):
    run = tmp_path / "run"
    assert cli("train", "--output", run, *TINY).code == 0
    assert cli("train", "--output", run, *TINY, "--seed", 1, "--epochs", 1, "--force").code == 0
    assert RunDirectory.open(run).read_config().runtime.seed == 1
    assert len(RunDirectory.open(run).read_log()) == 1


def test_a_dry_run_goes_all_the_way_and_keeps_nothing(cli, tmp_path):
    options = ("--hidden-size", 4, "--batch-size", 30, "--epochs", 50, "--warmup-epochs", 3)
    code, out, err = cli("train", "--dry-run", "--output", tmp_path / "run", *options)
    assert code == 0
    assert "digits: 60 train, 60 validation, 60 test" in err
    assert err.count("epoch   1/1") == 1
    assert "Accuracy" in out
    assert out.endswith("dry run: training, validation, saving and evaluation work; nothing was kept\n")
    assert "evaluate it with" not in out
    assert "note: " not in err
    assert not (tmp_path / "run").exists()
    assert list((tmp_path / "work").iterdir()) == []


def test_a_dry_run_of_several_seeds_says_that_it_tries_one(cli, tmp_path):
    code, _, err = cli("train", "--dry-run", "--seeds", 3, "--output", tmp_path / "runs", *TINY)
    assert code == 0
    assert "note: --dry-run tries the first of 3 runs\n" in err
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_keeps_the_warnings_on_all_samples():
    split = replace(load_splits(Config()).test, warnings=("all of them are odd",))
    few = train._take_first(split, 5)
    assert len(few) == 5 and few.warnings == split.warnings


@pytest.mark.parametrize("processors, told", [(1, True), (2, False)])
def test_more_threads_than_processors_are_told(cli, tmp_path, monkeypatch, processors, told):
    monkeypatch.setattr("gluon_lstm.cli.train.os.cpu_count", lambda: processors)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    outcome = cli("train", "--dry-run", "--threads", 2, "--output", tmp_path / "run", *TINY)
    assert outcome.code == 0
    assert ("warning: --threads 2: more threads than processors (1) wait for each other, " in outcome.err) is told


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_dry_run_refuses_the_folder_that_the_run_would_refuse(refuses, tmp_path, seeds):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.md").touch()
    line = refuses("train", "--dry-run", "--seeds", seeds, "--output", tmp_path / "full", *TINY)
    assert str(tmp_path / "full") in line


@pytest.mark.parametrize(
    "options",
    [
        ("--view", "columns", "--optimizer", "adamw", "--weight-decay", "0.01", "--schedule", "step"),
        ("--view", "rows+columns", "--groups", "2", "--optimizer", "sgd", "--pooling", "max", "--ema-decay", "0.9"),
        ("--cell-activation", "relu", "--optimizer", "rmsprop", "--clip-norm", 0, "--head-size", 6, "--view", "pixels"),
        ("--num-layers", "2", "--augment-rotate", "5", "--augment-elastic", "0.5", "--augment-scale", "0.1"),
        ("--recurrent-initializer", "xavier", "--forget-bias", "0", "--implementation", "cell", "--pooling", "mean"),
    ],
)
def test_options_work_together(cli, tmp_path, options):
    outcome = cli("train", "--output", tmp_path / "run", *TINY, "--epochs", 1, *options)
    assert (outcome.code, outcome.err.count("epoch   1/1")) == (0, 1)
    assert RunDirectory.open(tmp_path / "run").load_model().epoch == 1


def test_mnist_from_files_of_ones_own(cli, write_idx, tmp_path):
    data = write_idx()
    options = ("--dataset", "mnist", "--data-dir", data, "--hidden-size", 3, "--epochs", 1)
    outcome = cli("train", "--output", tmp_path / "run", *options)
    assert outcome.code == 0
    assert "mnist: 74 train, 6 validation, 20 test; 4 classes" in outcome.err
    assert cli("evaluate", tmp_path / "run", "--quick").code == 0
    assert json.loads((tmp_path / "run/evaluation/test/metrics.json").read_text())["n"] == 20


def test_a_presets_shift_shrinks_to_fit_small_images(cli, write_idx, tmp_path):
    options = ("--dataset", "mnist", "--data-dir", write_idx(height=1, width=9), "--hidden-size", 3, "--epochs", 1)
    outcome = cli("train", "--output", tmp_path / "run", *options)
    assert outcome.code == 0
    note = "note: --augment-shift 0, for images of 1 x 9 pixels; preset default has 1"
    assert [line for line in outcome.err.splitlines() if "augment" in line] == [note]
    assert RunDirectory.open(tmp_path / "run").read_config().data.augment_shift == 0
    assert cli("evaluate", tmp_path / "run", "--quick").code == 0
    again = cli("train", "--config", tmp_path / "run" / "config.json", "--output", tmp_path / "again")
    assert (again.code, "augment" in again.err) == (0, False)
    assert weights(tmp_path / "again") == weights(tmp_path / "run")


def test_a_presets_shift_shrinks_no_more_than_it_must(cli, write_idx):
    options = ("--dataset", "mnist", "--data-dir", write_idx(height=2, width=2), "--hidden-size", 2, "--preset", "best")
    outcome = cli("find-lr", "--steps", 20, *options)
    assert outcome.code == 0
    assert outcome.err.splitlines()[0] == "note: --augment-shift 1, for images of 2 x 2 pixels; preset best has 2"


@pytest.mark.parametrize("where", ["flag", "file"])
def test_a_shift_that_was_asked_for_must_fit(refuses, write_idx, tmp_path, where):
    (tmp_path / "c.yaml").write_text("data: {augment_shift: 1}")
    asked = ("--augment-shift", 1) if where == "flag" else ("--config", tmp_path / "c.yaml")
    line = refuses("train", "--dataset", "mnist", "--data-dir", write_idx(height=1, width=9), "--output", "run", *asked)
    assert "--augment-shift 1: moves images of 1 x 9 pixels out of the frame; use less than 1" in line


def test_images_without_any_difference_are_told_once(cli, write_idx, tmp_path):
    name = next(iter(mnist.CHECKSUMS))
    data = write_idx(changes={name: idx(np.full((80, 1, 6), 7, np.uint8))}, height=1)
    options = ("--dataset", "mnist", "--data-dir", data, "--hidden-size", 3, "--epochs", 1)
    outcome = cli("train", "--output", tmp_path / "run", *options)
    assert outcome.code == 0
    told = [line for line in outcome.err.splitlines() if line.startswith("warning: ")]
    assert len(told) == outcome.err.count("warning: ") == 2
    nothing = "every pixel of every image is 7, which leaves nothing to learn; "
    assert told[0].startswith(f"warning: {data / name}: {nothing}")
    assert told[1].endswith(" validation images are training images too")


def test_divergence_has_an_exit_code_of_its_own(cli, tmp_path):
    options = ("--learning-rate", 1000, "--cell-activation", "relu", "--clip-norm", 0, "--warmup-epochs", 0)
    code, out, err = cli("train", "--output", tmp_path / "run", *TINY, "--epochs", 4, *options)
    assert (code, out) == (3, "")
    last = err.splitlines()[-1]
    assert last.startswith("gluon-lstm train: step ")
    assert "not finite at learning rate " in last
    assert "try a lower --learning-rate or --clip-norm 1; " in last


@pytest.mark.parametrize("place", ["pictures/new", "pictures", "pictures/cat/../new"])
def test_a_run_among_the_pictures_that_it_learns_from_is_refused(refuses, tmp_path, place):
    """The next training would take it for a class."""
    (tmp_path / "pictures" / "cat").mkdir(parents=True)
    data = tmp_path / "pictures"
    line = refuses("train", "--dataset", data, "--output", tmp_path / place)
    assert f"--output {tmp_path / place}: lies in the data set's folder; choose another folder" in line
    assert [path.name for path in data.iterdir()] == ["cat"]


def test_a_run_may_lie_in_a_folder_that_is_called_as_a_data_set(cli, tmp_path):
    (tmp_path / "work" / "digits").mkdir(parents=True)
    assert cli("train", *TINY, "--epochs", 1, "--output", "digits/run").code == 0
