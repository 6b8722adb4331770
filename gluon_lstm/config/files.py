"""Files of settings: YAML, JSON, and the ``config.json`` of a run."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Dict, Union

from gluon_lstm.bounded import (
    JSON_BYTES,
    YAML_BYTES,
    YAML_VALUES,
    RepeatedNameError,
    check_names,
    parse_json,
    read_file,
)
from gluon_lstm.config.settings import CONFIG_VERSION, SECTIONS
from gluon_lstm.errors import ConfigError, shown

_NUMBERS = {
    "int": r"[-+]?(0|[1-9]\d*)$",
    "float": r"[-+]?((\d+\.\d*|\.\d+)([eE][-+]?\d+)?|\d+[eE][-+]?\d+|\.(inf|Inf|INF))$|\.(nan|NaN|NAN)$",
}
"""How numbers are written in YAML 1.2, of which those with other bases are left out."""


def read_config_file(path: Union[str, Path], source: str = "") -> Dict[str, Any]:
    """Reads a YAML or JSON file of settings, or a run's ``config.json``.

    Args:
        path: the file; ``.json`` is read as JSON, all else as YAML.
        source: what an error's line calls it; the option and the file if empty.

    Returns:
        Changes for ``merge``.

    Raises:
        ConfigError: no such file, a syntax error, a name that occurs twice, or another format's version.
    """
    import yaml

    source = source or f"--config {path}"
    try:
        is_json = str(path).endswith(".json")
        text = read_file(path, JSON_BYTES if is_json else YAML_BYTES).decode("utf-8-sig")
        values = parse_json(text) if is_json else _load_yaml(text)
    except OSError as error:
        inside = Path(path) / "config.json"
        advice = f"; did you mean {inside}?" if os.path.isfile(inside) else ""
        raise ConfigError(f"{source}: {error.strerror}{advice}") from error
    except RepeatedNameError as error:
        raise ConfigError(f"{source}: {error}") from error
    except (ValueError, LookupError, RecursionError, yaml.YAMLError) as error:  # of a tag and what it cannot be
        language, reason = "JSON" if is_json else "YAML", " ".join(str(error).split())
        raise ConfigError(f"{source}: not valid {language}: {reason}") from error
    if values is None:
        raise ConfigError(f"{source}: is empty; write options into it, or leave it out")
    if not isinstance(values, dict):
        raise ConfigError(f"{source}: must be sections of options, any of {', '.join(SECTIONS)}")
    if values.get("version", CONFIG_VERSION) != CONFIG_VERSION:
        raise ConfigError(
            f"{source}: format version {shown(values['version'])} is unknown; this release reads {CONFIG_VERSION}"
        )
    return values


def _load_yaml(text: str) -> Any:
    """Returns the plain values in a YAML text; numbers are written as in flags.

    YAML 1.1 would have 1e-3 be a text, 010 be 8 and 1:30 be 90.
    """
    import yaml

    plain = ("null", "bool", "int", "float", "str", "seq", "map")

    class Loader(yaml.SafeLoader):
        # Of the others, a date is a text here, and a tag such as !!binary is an error.
        yaml_constructors = {
            **{tag: make for tag, make in yaml.SafeLoader.yaml_constructors.items() if not tag or tag[18:] in plain},
            "tag:yaml.org,2002:timestamp": yaml.SafeLoader.construct_yaml_str,
        }

        def compose_mapping_node(self, anchor):
            """Checks the names as they are written, before YAML's merging (``<<``) adds those of others."""
            node = super().compose_mapping_node(anchor)
            check_names(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
            return node

        def compose_document(self):
            """Checks how much it is once aliases are written out: nine lines of nine aliases each are 10**9 values."""
            node = super().compose_document()
            if _count_values(node, {}) > YAML_VALUES:
                raise ValueError(f"has more than {YAML_VALUES:,} values, aliases written out")
            return node

    numbers = {f"tag:yaml.org,2002:{name}": re.compile(form) for name, form in _NUMBERS.items()}
    Loader.yaml_implicit_resolvers = {
        first: [(tag, form) for tag, form in resolvers if tag not in numbers]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for tag, form in numbers.items():
        Loader.add_implicit_resolver(tag, form, list("-+.0123456789"))
    return yaml.load(text, Loader)


def _count_values(node: Any, counts: Dict[int, int]) -> int:
    """Returns how many values a YAML node stands for; ``counts``: of the nodes that were met, by their ``id``."""
    if id(node) not in counts:
        counts[id(node)] = YAML_VALUES  # of a node within itself
        parts = [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
        counts[id(node)] = 1 + sum(_count_values(part, counts) for part in parts if not isinstance(part, str))
    return counts[id(node)]
