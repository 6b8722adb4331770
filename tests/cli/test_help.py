import argparse
from dataclasses import fields

import pytest

import gluon_lstm
from gluon_lstm.cli import find_lr
from gluon_lstm.cli.main import COMMANDS, build_parser
from gluon_lstm.config import PRESETS, SECTIONS, Config, flag
from gluon_lstm.data import digits, mnist, splits


def options_of(command):
    """Returns a command's options, and their help, by their first long flag."""
    (commands,) = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    actions = commands.choices[command]._actions
    return {action.option_strings[-1 if "--help" in action.option_strings else 0]: action for action in actions
            if action.option_strings}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_shown_with_its_default(cli, command):
    code, out, err = cli(command, "--help")
    assert (code, err) == (0, "")
    for name, action in options_of(command).items():
        assert name in out
        assert action.help
        assert "default: " in action.help or name == "--help"


@pytest.mark.parametrize("command", ["train", "find-lr"])
@pytest.mark.parametrize("section", SECTIONS)
def test_a_flag_shows_the_default_of_its_field(command, section):
    options, defaults = options_of(command), getattr(Config(), section)
    for item in fields(defaults):
        if command == "find-lr" and item.name in find_lr.WITHOUT_EFFECT:
            assert flag(item.name) not in options
            continue
        value = getattr(defaults, item.name)
        shown = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
        assert f"default: {shown}" in options[flag(item.name)].help or value is None


def test_the_sizes_of_validation_splits_are_those_that_are_drawn():
    text = options_of("train")["--validation-size"].help
    assert f"{digits.DEFAULT_VALIDATION_SIZE} of digits" in text
    assert (mnist.VALIDATION_SHARE, splits.TENTH) == (12, 10)
    assert f"at most {splits.MOST_VALIDATION}" in text


def test_presets_are_named(cli):
    assert ", ".join(PRESETS) in " ".join(cli("train", "--help").out.split())


def test_the_commands_are_listed(cli):
    code, out, _ = cli("--help")
    assert code == 0
    assert all(name in out for name in COMMANDS)


def test_the_version(cli):
    assert cli("--version")[:2] == (0, f"gluon-lstm {gluon_lstm.__version__}\n")
