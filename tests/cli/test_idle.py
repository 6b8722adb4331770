import json
from warnings import catch_warnings, simplefilter

import mxnet as mx
import pytest

from gluon_lstm.cli.idle import IDLE, warn_of_idle_options
from gluon_lstm.cli.main import build_parser
from gluon_lstm.cli.options import read_config
from gluon_lstm.config import ModelConfig
from gluon_lstm.nn import build_net


@pytest.fixture
def warnings(capsys):
    """A function that returns the lines which a command line for ``train`` is answered with."""

    def run(*options):
        arguments = build_parser().parse_args(["train", *options])
        warn_of_idle_options(arguments, read_config(arguments))
        out, err = capsys.readouterr()
        assert out == ""
        return err.splitlines()

    return run


@pytest.mark.parametrize(
    "options, flags, reason",
    [
        ("--momentum 0.5", ["--momentum"], "needs --optimizer sgd"),
        ("--momentum 0.5 --optimizer adamw", ["--momentum"], "needs --optimizer sgd"),
        ("--step-epochs 2", ["--step-epochs"], "needs --schedule step"),
        ("--step-epochs 2 --step-factor 0.5", ["--step-epochs", "--step-factor"], "needs --schedule step"),
        ("--schedule step", ["--schedule"], "training ends before the first drop; "),
        ("--schedule step --step-epochs 12 --epochs 12", ["--schedule", "--step-epochs"], "training ends before"),
        ("--epochs 1 --warmup-epochs 0 --monitor loss", ["--monitor"], "the one epoch is kept; needs more --epochs"),
        ("--patience 9", ["--patience"], "training ends before it can run out; "),
        ("--epochs 1 --warmup-epochs 0 --patience 1", ["--patience"], "training ends before it can run out; "),
        ("--encoder transformer --bidirectional", ["--bidirectional"], "a Transformer has none"),
        ("--encoder transformer --input-initializer lecun", ["--input-initializer"], "a Transformer has none"),
        ("--encoder gru --forget-bias 2", ["--forget-bias"], "needs --encoder lstm"),
        ("--encoder gru --chrono-steps 9", ["--chrono-steps"], "needs --encoder lstm"),
        ("--forget-bias 2 --chrono-steps 9", ["--forget-bias"], "needs --chrono-steps 0"),
        ("--locked-dropout --num-layers 2 --dropout 0", ["--locked-dropout"], "drops nothing; needs a --dropout above"),
        ("--locked-dropout", ["--locked-dropout"], "acts between layers; needs --num-layers 2 or more"),
        ("--data-dir folder", ["--data-dir"], "the data are not looked for; needs another --dataset"),
        ("--augment-shift 0 --augment-sideways", ["--augment-sideways"], "shifts nothing; needs an --augment-shift"),
        ("--dataset sentences --view rows --augment-shift 1", ["--augment-shift", "--view"], "acts on images; needs"),
        ("--max-length 9 --embedding-size 4", ["--embedding-size", "--max-length"], "acts on texts; needs"),
        ("--dataset trec --text-column a --encoding ascii", ["--encoding", "--text-column"], "files of your own"),
        ("--dataset trec --no-quotes", ["--quotes"], "files of your own"),
        ("--dataset own.jsonl.gz --no-quotes", ["--quotes"], "JSON Lines have quotation marks of their own; needs a"),
    ],
)
def test_a_given_flag_without_effect_is_told(warnings, options, flags, reason):
    found = warnings(*options.split())
    assert sorted(line.split(": ")[1] for line in found) == [f"{flag} has no effect" for flag in flags]
    assert all(line.startswith("warning: ") and reason in line for line in found)


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--momentum 0.5 --optimizer sgd",
        "--schedule step --step-epochs 2 --step-factor 0.5",
        "--schedule step --epochs 11",
        "--patience 8",
        "--patience 0 --schedule cosine",
        "--data-dir folder --dataset mnist",
        "--data-dir folder --dataset trec --max-length 9",
        "--dataset own.csv --text-column a --encoding ascii --word-dropout 0.1",
        "--dataset own.tsv --no-quotes",
        "--dataset own.jsonl --test-file test.tsv.gz --no-quotes",
        "--encoder gru --zoneout 0.1 --num-layers 2 --locked-dropout --residual",
        "--preset best --epochs 3 --batch-size 7",
        "--preset sequential --chrono-steps 0 --forget-bias 2",
    ],
)
def test_flags_with_an_effect_pass_in_silence(warnings, options):
    assert warnings(*options.split()) == []


def test_what_counts_is_what_preset_file_and_flags_make_together(warnings, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("training: {optimizer: sgd}")
    assert warnings("--config", str(file), "--momentum", "0.5") == []
    assert len(warnings("--config", str(file), "--momentum", "0.5", "--optimizer", "adam")) == 1


def test_options_of_a_file_without_effect_are_told_with_its_name(warnings, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("training: {optimizer: sgd, momentum: 0.5, step_epochs: 3}\nmodel: {encoder: gru, forget_bias: 2}")
    step = f"warning: --config {file}: --step-epochs has no effect: needs --schedule step"
    bias = f"warning: --config {file}: --forget-bias has no effect: needs --encoder lstm"
    momentum = f"warning: --config {file}: --momentum has no effect: needs --optimizer sgd"
    assert sorted(warnings("--config", str(file))) == sorted([step, bias])
    assert sorted(warnings("--config", str(file), "--optimizer", "adam")) == sorted([step, bias, momentum])
    assert warnings("--config", str(file), "--schedule", "step", "--encoder", "lstm") == []
    again = warnings("--config", str(file), "--encoder", "lstm", "--step-epochs", "3")
    assert again == ["warning: --step-epochs has no effect: needs --schedule step"], "a flag counts, and is told once"


def test_values_of_a_file_that_are_the_presets_were_not_given(warnings, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("training: {momentum: 0.9}\ntext: {max_length: 400}")
    assert warnings("--config", str(file)) == []
    file.write_text("preset: text\ntext: {word_dropout: 0.1, lowercase: true}")
    assert warnings("--config", str(file)) == [
        f"warning: --config {file}: --lowercase has no effect: acts on texts; needs another --dataset"
    ]


@pytest.mark.parametrize("options", ["", "--preset best", "--preset text", "--encoder transformer", "--schedule step"])
def test_a_file_that_the_program_wrote_gives_no_false_alarm(warnings, tmp_path, options):
    config = read_config(build_parser().parse_args(["train", *options.split()]))
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    found = warnings("--config", str(tmp_path / "config.json"))
    assert len(found) == (options == "--schedule step"), "the one that the flag had as well"


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_locked_dropout_is_told_where_the_encoder_warns(warnings, num_layers, dropout):
    found = warnings("--locked-dropout", "--num-layers", str(num_layers), "--dropout", str(dropout))
    with catch_warnings(record=True) as caught:
        simplefilter("always")
        build_net(ModelConfig(locked_dropout=True, num_layers=num_layers, dropout=dropout), (5, 3), 2, [mx.cpu()])
    assert bool(found) == bool(caught) == (num_layers == 1 or dropout == 0)


def test_an_encoder_does_not_warn_once_more(cli):
    code, _, err = cli("find-lr", "--steps", 20, "--limit-train", 20, "--hidden-size", 2, "--locked-dropout")
    warnings = [line for line in err.splitlines() if "warning" in line.lower()]
    reason = "acts between layers; needs --num-layers 2 or more"
    assert (code, warnings) == (0, [f"warning: --locked-dropout has no effect: {reason}"])


def test_the_table_names_fields_that_there_are():
    arguments = vars(build_parser().parse_args(["train"]))
    known = {name.partition(".")[2] for name in arguments}
    assert all(set(entry.fields) <= known for entry in IDLE)
