import pytest

from gluon_lstm.cli.idle import IDLE, warn_of_idle_flags
from gluon_lstm.cli.main import build_parser
from gluon_lstm.cli.options import read_config


@pytest.fixture
def warnings(capsys):
    """A function that returns the lines which a command line for ``train`` is answered with."""

    def run(*options):
        arguments = build_parser().parse_args(["train", *options])
        warn_of_idle_flags(arguments, read_config(arguments))
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
        ("--patience 9", ["--patience"], "training ends before it can run out; "),
        ("--epochs 1 --warmup-epochs 0 --patience 1", ["--patience"], "training ends before it can run out; "),
        ("--encoder transformer --bidirectional", ["--bidirectional"], "a Transformer has none"),
        ("--encoder gru --forget-bias 2", ["--forget-bias"], "needs --encoder lstm"),
        ("--locked-dropout --num-layers 2 --dropout 0", ["--locked-dropout"], "drops nothing; needs a --dropout above"),
        ("--locked-dropout", ["--locked-dropout"], "acts between layers; needs --num-layers 2 or more"),
        ("--data-dir folder", ["--data-dir"], "the data are not looked for; needs another --dataset"),
        ("--dataset sentences --view rows --augment-shift 1", ["--augment-shift", "--view"], "acts on images; needs"),
        ("--max-length 9 --embedding-size 4", ["--embedding-size", "--max-length"], "acts on texts; needs"),
        ("--dataset trec --text-column a --encoding ascii", ["--encoding", "--text-column"], "files of your own"),
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
        "--encoder gru --zoneout 0.1 --num-layers 2 --locked-dropout --residual",
        "--preset best --epochs 3 --batch-size 7",
    ],
)
def test_flags_with_an_effect_pass_in_silence(warnings, options):
    assert warnings(*options.split()) == []


def test_what_counts_is_what_preset_file_and_flags_make_together(warnings, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("training: {optimizer: sgd, step_epochs: 3}")
    assert warnings("--config", str(file), "--momentum", "0.5") == []
    assert len(warnings("--config", str(file), "--momentum", "0.5", "--optimizer", "adam")) == 1


def test_the_table_names_fields_that_there_are():
    arguments = vars(build_parser().parse_args(["train"]))
    known = {name.partition(".")[2] for name in arguments}
    assert all(set(entry.fields) <= known for entry in IDLE)
