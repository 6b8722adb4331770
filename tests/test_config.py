import ast
import json
import math
import os
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import get_type_hints

import pytest

import gluon_lstm
from gluon_lstm.config import (
    PRESETS,
    SECTIONS,
    Config,
    DataConfig,
    merge,
    preset,
    read_config_file,
    value_type,
)
from gluon_lstm.errors import ConfigError

FIELDS = [(section, item) for section in SECTIONS for item in fields(getattr(Config(), section))]


def kind_of(section, item):
    """Returns a field's plain type, and whether it may be None."""
    return value_type(get_type_hints(type(getattr(Config(), section)))[item.name])


def change(section, name, value):
    return merge(Config(), {section: {name: value}})


def wrong_values(section, item):
    """Yields values that a field must refuse."""
    kind, optional = kind_of(section, item)
    limits, step = item.metadata, 1 if kind is int else 1e-6
    yield [1]
    yield 1 if kind in (str, bool) else "1"
    if kind in (int, float):
        yield True
    if kind is int:
        yield 1.0
    if kind is float:
        yield from (math.nan, math.inf, -math.inf, 10**400)
    if not optional:
        yield None
    if limits["choices"]:
        yield from ("", "none of these", limits["choices"][0].upper())
    if limits["low"] is not None:
        yield limits["low"] - step
    if limits["above"] is not None:
        yield limits["above"]
    if limits["high"] is not None:
        yield limits["high"] + step


def right_values(section, item):
    """Yields values at the edge of what a field takes."""
    limits = item.metadata
    yield from limits["choices"]
    yield from (limits[name] for name in ("low", "high") if limits[name] is not None)
    if kind_of(section, item)[1]:
        yield None


def cases(values):
    """Returns the test's parameters (section, name, value) over all fields."""
    return [
        pytest.param(section, item.name, value, id=f"{item.name}={str(value)[:12]!r}")
        for section, item in FIELDS
        for value in values(section, item)
    ]


@pytest.mark.parametrize("section, name, value", cases(wrong_values))
def test_a_wrong_value_is_refused_by_its_flag(section, name, value):
    with pytest.raises(ConfigError) as caught:
        change(section, name, value)
    assert str(caught.value).startswith(f"--{name.replace('_', '-')} ")
    assert "\n" not in str(caught.value)


# Values that are fine alone and need a companion.
COMPANIONS = {"groups": {"data": {"view": "rows+columns"}}, "warmup_epochs": {}}


@pytest.mark.parametrize("section, name, value", cases(right_values))
def test_a_value_at_the_limit_is_taken(section, name, value):
    changed = merge(Config(), {section: {name: value}, **COMPANIONS.get(name, {})})
    assert getattr(getattr(changed, section), name) == value


@pytest.mark.parametrize("section, item", [pytest.param(*case, id=case[1].name) for case in FIELDS])
def test_every_field_says_what_it_is_and_takes(section, item):
    assert item.metadata["help"]
    if kind_of(section, item)[0] in (int, float):
        assert item.metadata["low"] is not None or item.metadata["above"] is not None


@pytest.fixture(scope="module")
def read():
    """Returns all attributes that the package reads, where they are checked apart: (name of the object, attribute)."""
    read = set()
    for path in Path(gluon_lstm.__file__).parent.rglob("*.py"):
        if path.parent.name != "config" and path.name != "idle.py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
            read |= {(getattr(node.value, "attr", getattr(node.value, "id", None)), node.attr) for node in nodes}
    return read


@pytest.mark.parametrize("section, item", [pytest.param(*case, id=case[1].name) for case in FIELDS])
def test_every_field_is_read_of_its_section(section, item, read):
    """As ``training.epochs``, or as ``config.epochs`` where a function takes a section alone."""
    assert {(section, item.name), ("config", item.name)} & read


def test_no_two_sections_share_a_field():
    names = [item.name for _, item in FIELDS]
    assert len(names) == len(set(names))


def test_a_config_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Config().preset = "other"
    with pytest.raises(FrozenInstanceError):
        Config().training.epochs = 1


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"model": {"implementation": "fused", "cell_activation": "relu"}}, "--implementation fused: .* use auto"),
        ({"model": {"implementation": "fused", "zoneout": 0.1}}, "--implementation fused: .* no --zoneout 0.1"),
        ({"model": {"encoder": "rnn", "cell_activation": "sigmoid"}}, "--cell-activation sigmoid: .* tanh and relu"),
        ({"model": {"encoder": "transformer", "hidden_size": 6}}, "--hidden-size 6: .* needs a multiple of 4"),
        ({"model": {"encoder": "transformer", "zoneout": 0.1}}, "--zoneout: --encoder transformer has none"),
        ({"model": {"encoder": "gru", "cell_activation": "relu"}}, "--cell-activation relu: --encoder gru has tanh"),
        ({"model": {"chrono_steps": 1}}, "--chrono-steps 1: must be at least 2, or 0 for --forget-bias"),
        ({"model": {"residual": True}}, "--residual: one layer has nothing to add"),
        ({"training": {"epochs": 2, "warmup_epochs": 2.5}}, "--warmup-epochs 2.5: more than --epochs 2"),
        ({"model": {"groups": 2}}, r"--groups 2: needs --view rows\+columns, not rows"),
        ({"model": {"groups": 3}, "data": {"view": "rows+columns"}}, "--groups 3: .* has two groups"),
    ],
)
def test_values_that_contradict_each_other(changes, message):
    with pytest.raises(ConfigError, match=message):
        merge(Config(), changes)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"trainig": {}}, "FILE: unknown section 'trainig'; did you mean 'training'?"),
        ({"zzz": {}}, "FILE: unknown section 'zzz'; known are data, model, runtime, text, training"),
        ({1: {}, "zzz": {}}, "FILE: unknown section 1; known are data, model, runtime, text, training"),
        ({"training": {"epoch": 1}}, "FILE: unknown option 'epoch' in section 'training'; did you mean 'epochs'?"),
        ({"training": {1: 1}}, "FILE: unknown option 1 in section 'training'; known are adversarial, batch_size"),
        ({"training": None}, "FILE: section 'training' is empty; write options into it, or leave it out"),
        ({"model": ["hidden_size"]}, "FILE: section 'model' must hold names and values"),
        ({"training": {"epochs": 0}}, "FILE: --epochs 0: must be at least 1"),
        ({"preset": [1]}, "FILE: preset [1]: must be a name"),
        ({"epochs": 3}, "FILE: unknown section 'epochs'; this option belongs in section 'training'"),
        ({"dataset": "mnist"}, "FILE: 'dataset' is no section; name the data set in section 'data'"),
    ],
)
def test_what_does_not_belong_is_refused(changes, message):
    with pytest.raises(ConfigError) as caught:
        merge(Config(), changes, "FILE")
    assert str(caught.value).startswith(message)


def test_merge_changes_what_it_is_told_to_and_nothing_else():
    changed = merge(preset("article"), {"training": {"epochs": 7}, "data": {"view": "columns"}})
    expected = preset("article")
    expected = replace(expected, training=replace(expected.training, epochs=7))
    assert changed == replace(expected, data=replace(expected.data, view="columns"))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_being_written_and_read(name, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(preset(name).to_dict()))
    assert merge(Config(), read_config_file(path)) == preset(name)
    assert preset(name).preset == name


def test_presets_differ_and_default_is_the_default():
    assert preset("default") == Config()
    assert len({json.dumps({**preset(name).to_dict(), "preset": ""}) for name in PRESETS}) == len(PRESETS)


ARTICLE = (
    "augment_shift 0, hidden_size 50, bidirectional False, dropout 0.0, pooling last, head_size 256, "
    "cell_activation relu, epochs 5, batch_size 32, learning_rate 0.001, schedule constant, warmup_epochs 0.0, "
    "clip_norm 0.0, threads 1"
)


@pytest.mark.parametrize(
    "name, differs",
    [
        ("article", ARTICLE),
        ("article-cell", ARTICLE.replace("256, cell_activation relu", "64, implementation cell")),
        ("best", "view rows+columns, augment_shift 2, augment_rotate 8.0, augment_scale 0.1, augment_elastic 0.8, "
                 "hidden_size 96, num_layers 2, groups 2, dropout 0.0, epochs 20, learning_rate 0.003, "
                 "warmup_epochs 1.0, ema_decay 0.998"),
        ("sequential", "view pixels, augment_shift 0, bidirectional False, dropout 0.1, pooling last, "
                       "chrono_steps 100, input_initializer lecun, epochs 24, batch_size 64, learning_rate 0.006, "
                       "warmup_epochs 0.2, "
                       "ema_decay 0.999, checkpoint_every 10m, threads 1"),
        ("text", "lowercase False, word_dropout 0.1, dropout 0.5, pooling max, embedding_dropout 0.5, ngrams 3, "
                 "character_ngrams 6, epochs 6, batch_size 32, ema_decay 0.99, threads 1"),
        ("long-text", "lowercase False, word_dropout 0.1, dropout 0.5, pooling max, embedding_dropout 0.5, ngrams 3, "
                      "epochs 3, batch_size 32, ema_decay 0.99"),
    ],
)  # fmt: skip
def test_presets_differ_from_the_default_in_these_options_alone(name, differs):
    usual, found = preset("default").to_dict(), preset(name).to_dict()
    changed = {f"{option} {value}" for section in SECTIONS for option, value in found[section].items()
               if value != usual[section][option]}  # fmt: skip
    assert changed == set(differs.split(", "))
    assert preset("default").model.cell_activation == "tanh" and preset("default").training.optimizer == "adam"


@pytest.mark.parametrize(
    "name, hint", [("bset", "did you mean 'best'?"), ("zzz", "known are article, "), ([1], "known are article, ")]
)
def test_an_unknown_preset(name, hint):
    with pytest.raises(ConfigError) as caught:
        preset(name)
    assert f"--preset {name}: no such preset" in str(caught.value)
    assert hint in str(caught.value)


@pytest.fixture
def write(tmp_path):
    def write(content, name="config.yaml"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "name, content",
    [
        ("config.json", '{"data": {"view": "columns"}, "training": {"learning_rate": 1e-3}}'),
        ("config.yaml", "# a comment\ndata: {view: columns}\ntraining:\n  learning_rate: 0.001\n"),
        ("config.yml", "data: {view: columns}\ntraining: {learning_rate: 1e-3}\n"),
        ("settings", "\ufeffdata: {view: columns}\ntraining: {learning_rate: .1E-2}\n"),
    ],
)
def test_files(write, name, content):
    config = merge(Config(), read_config_file(write(content, name)))
    assert config.data == DataConfig(view="columns")
    assert config.training.learning_rate == 0.001


@pytest.mark.parametrize("written", ["010", "1:30", "0x10", "0b11", "1_000"])
def test_numbers_in_other_bases_are_none(write, written):
    """YAML 1.1 would read 8, 90, 16, 3 and 1000."""
    values = read_config_file(write(f"training: {{epochs: {written}}}"))
    assert values == {"training": {"epochs": written}}
    with pytest.raises(ConfigError, match="epochs"):
        merge(Config(), values)


@pytest.mark.parametrize(
    "written, value", [("-3", -3), ("0", 0), ("+7", 7), ("-.5", -0.5), ("2.", 2.0), ("-.inf", -math.inf)]
)
def test_numbers_are_read_as_flags_are(write, written, value):
    read = read_config_file(write(f"data: {written}"))["data"]
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("c.json", "{", "not valid JSON: Expecting property name"),
        ("c.json", "", "not valid JSON: Expecting value"),
        ("c.json", "[" * 100_000, "not valid JSON: "),
        ("c.json", b"\xff\xfe", "not valid JSON: "),
        ("c.yaml", "data: [", "not valid YAML: "),
        ("c.yaml", "a\0b", "not valid YAML: "),
        ("c.yaml", b"\xff", "not valid YAML: "),
        ("c.yaml", "data: !!python/object/apply:os.getcwd []", "not valid YAML: could not determine a constructor"),
        ("c.yaml", "", "is empty; write options into it, or leave it out"),
        ("c.yaml", "# data: {view: rows}\n", "is empty; write options into it, or leave it out"),
        ("c.yaml", "3", "must be sections of options, any of data, text, model, training, runtime"),
        ("c.yaml", "- data", "must be sections of options"),
        ("c.json", "3", "must be sections of options"),
        ("c.json", '{"version": 2}', "format version 2 is unknown; this release reads 1"),
        ("c.yaml", "version: [1]", "format version [1] is unknown"),
    ],
)
def test_broken_files(write, name, content, message):
    path = write(content, name)
    with pytest.raises(ConfigError) as caught:
        read_config_file(path)
    assert str(caught.value).startswith(f"--config {path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name, content, twice",
    [
        ("c.yaml", "training:\n  epochs: 3\n  epochs: 4\n", "epochs"),
        ("c.yaml", "training: {epochs: 3}\nmodel: {}\n'training': {epochs: 4}\n", "training"),
        ("c.json", '{"training": {"epochs": 3, "seed": 1, "epochs": 3}}', "epochs"),
        ("c.json", '{"data": {}, "data": {}}', "data"),
    ],
)
def test_a_name_that_occurs_twice_is_refused(write, name, content, twice):
    path = write(content, name)
    with pytest.raises(ConfigError) as caught:
        read_config_file(path)
    assert str(caught.value) == f"--config {path}: {twice!r} occurs twice in one section; leave one of them out"


def test_yaml_that_takes_over_and_changes_a_name_is_fine(write):
    content = "data: &a {view: columns, split_seed: 1}\nmodel: &b {<<: *a, view: rows}\ntraining: {<<: *b}\n"
    values = read_config_file(write(content))
    assert values["model"] == values["training"] == {"view": "rows", "split_seed": 1}


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="--config .*/none.yaml: No such file or directory"):
        read_config_file(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=f"--config {tmp_path}: Is a directory$"):
        read_config_file(tmp_path)
    with pytest.raises(ConfigError, match="File name too long$"):
        read_config_file("x" * 300)
    (tmp_path / "config.json").touch()
    with pytest.raises(ConfigError, match=f"Is a directory; did you mean {tmp_path}/config.json"):
        read_config_file(tmp_path)


LAUGHS = "\n".join(
    ["l0: &l0 [lol]", *(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)), "data: {view: *l9}"]
)
MERGES = "\n".join(["m0: &m0 {a: 1}", *(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}" for n in range(1, 40))])


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "name, content, message",
    [
        ("c.yaml", LAUGHS, "not valid YAML: has more than 10,000 values, aliases written out"),
        ("c.yaml", MERGES, "not valid YAML: has more than 10,000 values, aliases written out"),
        ("c.yaml", "data: &a [*a]", "not valid YAML: has more than 10,000 values, aliases written out"),
        ("c.yaml", "data: " + "[" * 30_000, "not valid YAML: "),
        ("c.yaml", "#" * 65_537, "not valid YAML: larger than 65,536 bytes"),
        ("c.yaml", "data: !!python/object/apply:os.system [id]", "not valid YAML: could not determine a constructor"),
        ("c.yaml", "data: !!binary aGk=", "not valid YAML: could not determine a constructor"),
        ("c.yaml", "data: !!int ''", "not valid YAML: "),
        ("c.yaml", "data: !!bool maybe", "not valid YAML: "),
        ("c.json", '{"data":' + "[" * 100_000 + "]" * 100_000 + "}", "not valid JSON: lists and objects are nested"),
        ("c.json", '{"data": {"split_seed": NaN}}', "not valid JSON: 'NaN' is no finite number"),
        ("c.json", '{"data": {"split_seed": 1e999}}', "not valid JSON: '1e999' is no finite number"),
    ],
    ids=["laughs", "merges", "itself", "deep", "large", "python", "binary", "int", "bool", "JSON", "NaN", "overflow"],
)
def test_files_made_to_do_harm(write, name, content, message):
    path = write(content, name)
    with pytest.raises(ConfigError) as caught:
        read_config_file(path)
    assert str(caught.value).startswith(f"--config {path}: {message}")
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"training": {"epochs": 10**5_000}}, "--epochs <int>: must be a number of 64 bits"),
        ({"training": {"epochs": 2**63}}, "--epochs 9223372036854775808: must be a number of 64 bits"),
        ({"training": {"learning_rate": 10**5_000}}, "--learning-rate <int>: must be finite"),
        ({"data": {"view": "x" * 10_000}}, "--view xxx"),
        ({"data": {"view": [["x" * 10_000] * 1_000] * 1_000}}, "--view [["),
        ({"data": {"y" * 10_000: 1}}, "unknown option 'yyy"),
        ({"z" * 10_000: {}}, "unknown section 'zzz"),
        ({10**5_000: {}}, "unknown section <int>"),
    ],
    ids=["digits", "65 bits", "float", "text", "lists", "option", "section", "number"],
)
def test_values_of_any_size_have_a_short_line(changes, message):
    with pytest.raises(ConfigError) as caught:
        merge(Config(), changes, "c.json")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("section, name", [("data", "dataset"), ("text", "encoding"), ("model", "embedding")])
def test_a_nul_character_is_refused(section, name):
    with pytest.raises(ConfigError, match=f"c.json: --{name} a\0b: holds a NUL character"):
        merge(Config(), {section: {name: "a\0b"}}, "c.json")


def test_a_date_is_a_text(write):
    assert read_config_file(write("text: {label_column: 2001-01-01}"))["text"] == {"label_column": "2001-01-01"}


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "c.yaml")
    with pytest.raises(ConfigError, match="c.yaml: not an ordinary file"):
        read_config_file(tmp_path / "c.yaml")
