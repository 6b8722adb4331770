"""Pages made from result files: every number is the files', and the words around them are the claims'."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Sequence

from jinja2 import Environment

from gluon_lstm.article.claim import Claim
from gluon_lstm.article.results import INDEX, MADE_HERE, ResultsDirectory
from gluon_lstm.article.translation import ENGLISH, LANGUAGES, Translator, make_translator
from gluon_lstm.evaluation.report.formats import markdown, page_environment

SINGULAR = {"points": "point", "nats": "nat", "decades": "decade"}
"""Unit → the same where there is one of it."""
COMMANDS = {
    True: ("gluon-lstm reproduce --quick --seeds 5 --output docs/article --chinese docs/zh/article", "make article"),
    False: ("gluon-lstm reproduce --output docs/article-full --chinese docs/zh/article-full", "make article-full"),
}  # fmt: skip
"""Whether the form is the quick one → what makes its pages of the documentation, and the short way to say so."""


def write_pages(directory: ResultsDirectory, claim: Claim, tell: Callable[[str], None] = lambda line: None) -> None:
    """Writes the page of a claim, and the index of all whose runs were made, in each of the folder's languages.

    Args:
        directory: where the results are.
        claim: the claim.
        tell: told in a line of texts that have no translation, and are left in English.
    """
    result = directory.read(claim.id)
    results = {name: directory.read(name) for name in directory.finished()}
    for language in directory.languages:
        translator, ways = make_translator(language), directory.ways_from(language)
        directory.write_text(f"{claim.id}.md", render_page(claim, result, translator, ways), language)
        directory.write_text(INDEX, render_index(results, translator, ways), language)
        if translator.missing:
            number, first = len(translator.missing), translator.missing[0]
            tell(f"{claim.id}: {number} texts have no translation ({language}) and stay English, such as {first!r}")


def render_page(claim: Claim, result: Mapping[str, Any], translator: Translator, ways: Mapping[str, str]) -> str:
    """Returns a claim's page as Markdown.

    Args:
        claim: the claim.
        result: the content of its file.
        translator: into the page's language.
        ways: language → the way from the page's folder to that of its pages, such as ``../../article/``, or nothing;
            of English ones to that of the results.
    """
    runs = result["runs"]
    return _environment(translator).get_template("claim.md.j2").render(
        claim=claim,
        result=result,
        shared=shared_options([run["options"] for run in runs]),
        commits=sorted({run["commit"] or translator("unknown") for run in runs}),
        **{name: tell_origins(runs, name) for name in ("date", "machine")},
        minutes=sum(run["seconds"] for run in runs) / 60,
        results=ways[ENGLISH],
        languages=link_languages(f"{claim.id}.md", ways),
        is_english=translator.is_english,
    )


def render_index(
    results: Mapping[str, Mapping[str, Any]], translator: Translator, ways: Mapping[str, str]
) -> str:
    """Returns the index as Markdown: a row for each claim's result; ``ways`` as of ``render_page``."""
    from gluon_lstm.article.registry import CLAIMS

    rows = [(CLAIMS[name], result) for name, result in results.items()]
    is_quick = all(result["settings"]["quick"] for result in results.values())
    command, target = COMMANDS[is_quick]
    return _environment(translator).get_template("index.md.j2").render(
        rows=rows, total=len(CLAIMS), is_quick=is_quick, command=command, target=target,
        languages=link_languages(INDEX, ways),
    )  # fmt: skip


def link_languages(page: str, ways: Mapping[str, str]) -> str:
    """Returns the languages that a page is there in, with links to the others; nothing where it is the one alone."""
    if len(ways) == 1:
        return ""
    return " | ".join(f"[{LANGUAGES[name]}]({way}{page})" if way else LANGUAGES[name] for name, way in ways.items())


def tell_origins(runs: Sequence[Mapping[str, Any]], name: str) -> str:
    """Returns the dates, or the machines, of a claim's runs; ``name`` is ``date`` or ``machine``."""
    return "; ".join(sorted({run[name] for run in runs}))


def shared_options(options: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """Returns the options that all runs have in common, those of sections by ``section.name``."""
    flat = [_flatten(one) for one in options]
    return {key: value for key, value in flat[0].items() if all(key in one and one[key] == value for one in flat)}


def _flatten(options: Mapping[str, Any], prefix: str = "") -> Dict[str, Any]:
    """Returns nested options by their joined names."""
    flat: Dict[str, Any] = {}
    for key, value in options.items():
        flat.update(_flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value})
    return flat


def short_number(value: float) -> str:
    """Returns a number to three significant digits, without an exponent where it is short without."""
    return f"{value:.3g}" if value == 0 or 1e-4 <= abs(value) < 1000 else f"{value:.2e}"


def is_measured(check: Mapping[str, Any]) -> bool:
    """Whether a check's effect was measured at all."""
    return check.get("n") != 0


def tell_effect(check: Mapping[str, Any], translator: Translator) -> str:
    """Returns a check's effect with its unit: ``2 points``, or ``1 point``."""
    if not is_measured(check):
        return translator("not measured")
    number, unit = short_number(check["mean"]), check["unit"]
    told = translator(SINGULAR.get(unit, unit) if number in ("1", "-1") else unit)
    is_joined = told.startswith("%") and not translator.is_english  # 95 %, and in Chinese 95%
    return f"{number}{'' if is_joined else ' '}{told}"


def tell_interval(check: Mapping[str, Any], translator: Translator) -> str:
    """Returns a check's interval, or that there is none to speak of: all seeds came to the same."""
    if not is_measured(check):
        return "–"
    low, high = check["low"], check["high"]
    if math.isclose(low, high, rel_tol=1e-9, abs_tol=1e-9):
        return translator("no spread")
    return translator(f"{short_number(low)} to {short_number(high)}")


def tell_answer(check: Mapping[str, Any]) -> str:
    """Returns a check's answer, with the reason where it is open for one, and what a *no* to a small effect means."""
    reason = check.get("open_because", "")  # files of before have none
    if check["answer"] == "no" and check["low"] > 0:
        reason = "less than matters"
    return f"{check['answer']}: {reason}" if reason else check["answer"]


def count_reasons(checks: Sequence[Mapping[str, Any]]) -> Dict[str, int]:
    """Returns why checks are open that the runs cannot answer, and how many for each reason."""
    return dict(Counter(check["open_because"] for check in checks if check.get("open_because")))


def tell_reasons(checks: Sequence[Mapping[str, Any]], translator: Translator) -> List[str]:
    """Returns the same as texts: ``no room for more (2)``."""
    return [
        translator("%(reason)s (%(number)s)") % {"reason": translator(reason), "number": number}
        for reason, number in count_reasons(checks).items()
    ]


def _value(value: Any) -> str:
    """Returns an option's value as one would write it."""
    return value if isinstance(value, str) else json.dumps(value)


def _cells(row: Sequence[str]) -> List[str]:
    """Returns a row's texts so that Markdown shows them as they are."""
    return [markdown(text) for text in row]


def _listed(text: str, comma: str = "、", *, translator: Translator) -> str:
    """Returns a list such as ``2.1, 2.3`` with commas of the language, if need be another one."""
    return text if translator.is_english else text.replace(", ", comma)


def _marks(rows: Sequence[Sequence[str]]) -> List[str]:
    """Returns Markdown's marks of the columns after the first: to the right where the first row has a number."""
    return ["---:" if re.match(r"-?\d", text) else "---" for text in rows[0][1:]]


def _environment(translator: Translator) -> Environment:
    """Returns the Jinja2 environment of the pages' templates, whose texts go through the translator."""
    environment = page_environment("gluon_lstm.article", is_html=False)
    environment.filters.update(cell=markdown, cells=_cells, marks=_marks, number=short_number, value=_value,
                               reasons=partial(tell_reasons, translator=translator),
                               listed=partial(_listed, translator=translator),
                               translated=translator, answer=tell_answer,
                               effect=partial(tell_effect, translator=translator),
                               interval=partial(tell_interval, translator=translator))  # fmt: skip
    environment.globals["made_here"] = MADE_HERE
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(
        translator, lambda one, many, number: translator(one if number == 1 else many), newstyle=True
    )
    return environment
