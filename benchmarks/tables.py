"""Writes the tables of the pages from ``docs/results`` and ``docs/article``, so that no figure is typed.

    python benchmarks/tables.py            # rewrite the tables
    python benchmarks/tables.py --check    # fail where one is not what the results say

A table stands in a page between a comment with its name and one that says ``end``.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from functools import partial
from statistics import fmean, median
from typing import Any, Callable, Dict, Iterable, List

from common import RESULTS, ROOT

from gluon_lstm.article import CLAIMS
from gluon_lstm.article.pages import short_number, tell_answer, tell_effect, tell_interval
from gluon_lstm.article.translation import CHINESE, ENGLISH, Translator, make_translator, read_entries
from gluon_lstm.article.verdicts import mean_interval
from gluon_lstm.evaluation.report.formats import markdown
from gluon_lstm.runtime import tell_threads

PAGES = {
    "README.md": ENGLISH,
    "README.zh-CN.md": CHINESE,
    "docs/index.md": ENGLISH,
    "docs/recurrent-layers.md": ENGLISH,
    "docs/text.md": ENGLISH,
    "docs/evaluation.md": ENGLISH,
    "docs/pixel-by-pixel.md": ENGLISH,
    "docs/choosing-best.md": ENGLISH,
    "docs/reliability.md": ENGLISH,
    "docs/tutorial.md": ENGLISH,
    "docs/zh/index.md": CHINESE,
    "docs/zh/tutorial.md": CHINESE,
}
"""Page → its language."""
CATALOGUES = ROOT / "benchmarks" / "locale"
ARTICLE, ARTICLE_FULL = ROOT / "docs" / "article", ROOT / "docs" / "article-full"
CORPORA = {
    "trec-text": ("TREC-6, its test set, 5 seeds", "92.0"),
    "sst2-text": ("SST-2, sentences alone, its test set, 5 seeds", "84.0"),
    "mr-text": ("MR, 10 folds", "78.0"),
    "imdb-long-text": ("IMDB, its test set, 3 seeds", "91.9"),
    "imdb-long-text-adversarial": ("IMDB, likewise, the network trained adversarially for 4 epochs", "91.9"),
}
"""Result → what was tested on, and the accuracy that is aimed at, %."""
CALIBRATED = {
    "mnist-default": ("MNIST, preset `default`", 0.01),
    "sst2-text": ("SST-2, preset `text`", 0.03),
}
"""Result → what was tested, and the calibration error after scaling that is aimed at."""
EVALUATION_FORMS = {
    "whole": ("all parts", "60"),
    "without_robustness": ("all parts but `robustness`", "10"),
    "quick": ("`--quick`", ""),
}
"""Form → what is asked for, and the seconds that are aimed at."""
DEMO = {
    "with_install": ("`make demo` in a fresh clone, with the install", "180"),
    "without_install": ("`make demo` again", "60"),
}
"""Form → what is timed, and the seconds that are aimed at."""
QUICK_KERAS = {True: "Keras was there.", False: "Keras was not there."}
QUICK_AIM = "600"
"""Seconds that the quick form of all claims is to take at most."""
SUITE_AIM = "300"
"""Seconds that the tests are to take at most."""
PRESETS = ("default", "article", "article-cell", "best")
BEST_RECIPES = {
    "mnist-best-rows": "rows alone, dropout 0.2",
    "mnist-best-20-epochs": "rows and columns, dropout 0.2",
    "mnist-best-with-dropout": "rows and columns, dropout 0.2",
    "mnist-best-dropout-0.2": "the same, seed 0",
    "mnist-best-dropout-0.1": "rows and columns, dropout 0.1",
    "mnist-best-dropout-0": "rows and columns, no dropout",
    "mnist-best-16-epochs": "rows and columns, no dropout",
    "mnist-best": "rows and columns, no dropout: `best` as it is",
}
"""Result → the recipe that it is of, in the order in which they were tried."""
ARTICLE_AIM = 0.3
"""Points that the accuracy of the article's model may differ from Keras's."""
PIXELS = {"pixels": ("row after row", "98.9", "99.2"), "permuted": ("in one random order", "95.1", "96.5")}
"""View → the order of the pixels, the published accuracy of an LSTM, %, and ours that is aimed at."""
START_CORPORA = {
    "trec-text": "TREC-6, its test set, LSTM and n-grams mixed",
    "imdb-long-text": "IMDB, its test set, LSTM and n-grams mixed",
}
"""Result → how the start page calls it."""


def main() -> int:
    """Rewrites or checks the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 where a table is out of date")
    check = parser.parse_args().check
    stale = 0
    for name, language in PAGES.items():
        page, translator = ROOT / name, translator_into(language)
        before = page.read_text(encoding="utf-8")
        after = fill(before, translator)
        if translator.missing:
            sys.exit(f"{name}: {CATALOGUES} has no {language} for {translator.missing}")
        if check and before != after:
            print(f"{name}: run python benchmarks/tables.py")
        elif not check:
            page.write_text(after, encoding="utf-8")
        stale += before != after
    return int(check and stale > 0)


def translator_into(language: str) -> Translator:
    """Returns the translator of the tables."""
    if language == ENGLISH:
        return make_translator(ENGLISH)
    return Translator({**read_entries(language), **read_entries(language, CATALOGUES)})


def fill(text: str, t: Translator) -> str:
    """Returns a text with everything between ``<!-- NAME -->`` and ``<!-- end -->`` made anew, in its language."""

    def replace(match: re.Match) -> str:
        made = TABLES[match[1]](t)
        # A full-width stop has its space in itself.
        made = made if t.is_english else made.replace("。 ", "。")
        return f"<!-- {match[1]} -->\n{made}\n<!-- end -->"

    return re.sub(r"<!-- ([a-z-]+) -->\n.*?<!-- end -->", replace, text, flags=re.DOTALL)


def times_table(t: Translator) -> str:
    """Returns how long the commands of the README that do much take."""
    demo, quick = read("demo-time"), read("quick-time")
    # The tests check this table: before they are timed for the first time, it has to be without them.
    suite = read("suite-time") if (RESULTS / "suite-time.json").exists() else None
    rows = []
    for form, (text, aim) in DEMO.items():
        seconds = demo["seconds"][form]
        mean = f"{seconds['mean']:.0f}" if len(seconds["values"]) == 1 else plus_minus(seconds, 1, 0)
        rows.append([t(text), mean, aim])
    if suite:
        rows.append([t("`make test`, once its environment is there"), f"{suite['seconds']:.0f}", SUITE_AIM])
    rows.append([t("`gluon-lstm reproduce --quick`, all claims"), f"{quick['seconds']:.0f}", QUICK_AIM])
    seeds = {claim["seeds"] for claim in quick["claims"].values()}
    told = [
        t(f"Test accuracy of the demo: {demo['test_accuracy']:.2%}, which on another machine may be an image or two of "
          "360 more or less."), source(demo, t),
        t(f"Claims: {len(quick['claims'])}, each over {', '.join(map(str, sorted(seeds)))} seeds."),
        t(QUICK_KERAS[quick["keras"]]), source(quick, t),
    ]  # fmt: skip
    if suite:
        there = ", ".join(suite["there"])
        told.append(t(f"Tests: {suite['passed']:,} passed, {suite['skipped']} skipped; there were {there}."))
        slow = suite.get("slow")
        if slow:
            files = ", ".join(f"{file} ({seconds:.0f} s)" for file, seconds in slow["files"].items())
            told.append(t(f"Added up, its tests of {slow['least_seconds']} s and more take {slow['seconds']:.0f} s, "
                          f"most of it in {files}."))  # fmt: skip
        told.append(source(suite, t))
    return table(map(t, ["Command", "Seconds", "Aim"]), rows) + f"\n\n{' '.join(told)}"


def presets_table(t: Translator) -> str:
    """Returns accuracy and time of every preset that was measured on MNIST."""
    results = {name: read(f"mnist-{name}") for name in PRESETS}
    rows = [
        [
            f"`{name}`",
            plus_minus(result["test_accuracy"], 100, 2),
            t(seeds_of(result["runs"])),
            plus_minus(result["train_seconds"], 1 / 60, 1),
            peak_memory(result, t),
            f"`{result['command']}`",
            commits(result),
        ]
        for name, result in results.items()
    ]
    header = ["Preset", "Test accuracy, %", "Seeds", "Minutes of training", "Peak memory, GiB", "Command", "Commit"]
    longest = max(run["train_seconds"] + run["evaluate_seconds"] for run in results["best"]["runs"]) / 60
    aims = "The aims of `best` are 99.50 % and at most 25 minutes a seed;"
    aims = t(f"{aims} its longest took {longest:.1f}, evaluation included.")
    memory = t("The peak memory is that of training and evaluation; its aim is under 1.5 GiB.")
    return table(map(t, header), rows) + "\n\n" + " ".join([aims, memory, *map(t, origins(results))])


def best_table(t: Translator) -> str:
    """Returns what each recipe that ``best`` was chosen among reached on validation images, and on test images."""
    rows = []
    for name, recipe in BEST_RECIPES.items():
        result = read(name)
        runs, tested = result["runs"], result.get("test_accuracy")
        accuracies = [100 * run["validation_accuracy"] for run in runs]
        losses = [run["validation_loss"] for run in runs if "validation_loss" in run]
        rows.append([
            recipe, str(max(run["epochs"] for run in runs)), str(len(runs)),
            " ".join(f"{accuracy:.2f}" for accuracy in accuracies), f"{fmean(accuracies):.2f}",
            " ".join(f"{loss:.4f}" for loss in losses), plus_minus(tested, 100, 2) if tested else "",
            training_minutes(runs), machine(result).split(",")[0], f"[{name}.json](results/{name}.json)",
        ])  # fmt: skip
    header = ["Recipe", "Epochs", "Seeds", "Validation accuracy by seed, %", "Mean, %", "Validation loss",
              "Test accuracy, %", "Minutes a seed", "Processor", "File"]  # fmt: skip
    return table(map(t, header), rows)


def training_minutes(runs: List[Dict[str, Any]]) -> str:
    """Returns the least and the greatest minutes of training of runs, and their threads, where they are known."""
    minutes = [run.get("train_seconds", run["epochs"] * run["epoch_seconds"]) / 60 for run in runs]
    counts = {run.get("threads") or run.get("environment", {}).get("threads") for run in runs}
    told = "" if None in counts else f", {'/'.join(map(tell_threads, sorted(counts)))}"
    least, most = f"{min(minutes):.0f}", f"{max(minutes):.0f}"
    return f"{least if least == most else f'{least} to {most}'}{told}"


def seeds_of(runs: List[Dict[str, Any]]) -> str:
    """Returns which seeds runs have: all from 0 on."""
    return f"0 to {len(runs) - 1}"


def peak_memory(result: Dict[str, Any], t: Translator) -> str:
    """Returns the greatest peak memory of a result's runs, in GiB; older ones did not measure the evaluation."""
    peak = f"{result['peak_mib'] / 1024:.2f}"
    return peak if all("evaluate_seconds" in run for run in result["runs"]) else t(f"{peak}, training alone")


def origins(results: Dict[str, Dict[str, Any]]) -> List[str]:
    """Returns when, where and with how many threads results were measured, those of one origin together."""
    sets: Dict[str, List[str]] = {}
    for name, result in results.items():
        origin = f"measured by {result['date']} on {machine(result)}{threads(result)}."
        sets.setdefault(origin, []).append(f"`{name}`")
    return [f"{', '.join(names)}: {origin}" for origin, names in sets.items()]


def machine(result: Dict[str, Any]) -> str:
    """Returns where a result was measured; older ones have “1 cores”."""
    return re.sub(r"\b1 cores\b", "1 core", result["machine"])


def threads(result: Dict[str, Any]) -> str:
    """Returns the thread counts of a result's runs as the end of a sentence; nothing where a run has not kept it."""
    counts = {run.get("threads") for run in result["runs"]}
    return "" if None in counts else f"; threads: {'/'.join(sorted(counts))}"


def article_table(t: Translator) -> str:
    """Returns the accuracy of the article's model here and in Keras."""
    result = read("article-vs-keras")
    rows = [
        [t(name), plus_minus(result[side]["test_accuracy"], 100, 2), t(seeds_of(result["runs"])),
         t(article_threads(result, side)), f"{result[side]['median_epoch_seconds']:.1f}",
         t(article_memory(result, side))]
        for name, side in (("gluon-lstm, `article`", "ours"), ("Keras 3", "keras"))
    ]  # fmt: skip
    versions = result["runs"][0]["keras"]["versions"]
    text = t(f"Keras {versions['keras']} on TensorFlow {versions['tensorflow']}.")
    header = ["", "Test accuracy, %", "Seeds", "Threads", "Seconds an epoch, median", "Peak memory, GiB"]
    sentences = [t(accuracy_gap(result)), *map(t, beyond_aim(result)), *map(t, time_ratio(result)),
                 *map(t, tried_threads(result)), text, source(result, t)]  # fmt: skip
    return table(map(t, header), rows) + f"\n\n{' '.join(sentences)}"


NOT_RECORDED = "not recorded"
"""In the place of what a result of an earlier day has not kept."""


def article_threads(result: Dict[str, Any], side: str) -> str:
    """Returns the thread count of a side of the comparison."""
    counts = {run[side].get("threads", result["keras_threads"] if side == "keras" else None) for run in result["runs"]}
    return NOT_RECORDED if None in counts else "/".join(sorted(map(str, counts)))


def tried_threads(result: Dict[str, Any]) -> List[str]:
    """Returns what an epoch of a trial took with one thread and with two, on each side that was tried."""
    sides = (("Ours", "our_trial_epoch_seconds"), ("Keras", "keras_trial_epoch_seconds"))
    return [
        f"{name}, tried with one thread and with two: {result[trial]['1'][1]:.1f} and {result[trial]['2'][1]:.1f} s."
        for name, trial in sides
        if trial in result
    ]


def article_memory(result: Dict[str, Any], side: str) -> str:
    """Returns the greatest memory of a side's runs in GiB."""
    peaks = [run[side].get("peak_mib") for run in result["runs"]]
    return NOT_RECORDED if None in peaks else f"{max(peaks) / 1024:.2f}"


def accuracy_gap(result: Dict[str, Any]) -> str:
    """Returns how far our mean accuracy is from Keras's, the standard error of that, and the aim."""
    points, error = 100 * result["accuracy_difference"], gap_error(result)
    side = "above" if points >= 0 else "below"
    return (f"Our mean accuracy is {abs(points):.2f} points {side} Keras's, with a standard error of {error:.2f} "
            f"(aim: within {ARTICLE_AIM}).")  # fmt: skip


def gap_error(result: Dict[str, Any]) -> float:
    """Returns the standard error of the difference of the mean accuracies, in points."""
    variances = [result[side]["test_accuracy"]["sd"] ** 2 / len(result["runs"]) for side in ("ours", "keras")]
    return 100 * math.sqrt(sum(variances))


def beyond_aim(result: Dict[str, Any]) -> List[str]:
    """Returns what a difference in accuracy that is outside of the aim means; nothing for one that is within."""
    points = 100 * result["accuracy_difference"]
    beyond = abs(points) - ARTICLE_AIM
    if round(beyond, 2) <= 0:
        return []
    side = "better" if points > 0 else "worse"
    size = "less" if beyond < gap_error(result) else "more"
    return [f"That is {beyond:.2f} points outside of the aim, on the side that is {side} for us, "
            f"and {size} than the standard error."]  # fmt: skip


def time_ratio(result: Dict[str, Any]) -> List[str]:
    """Returns how long our epochs take beside Keras's, and whether the seeds tell the two apart."""
    by_seed = [median(run["ours"]["epoch_seconds"][1:]) / median(run["keras"]["epoch_seconds"][1:])
               for run in result["runs"]]  # fmt: skip
    _, low, high = mean_interval(by_seed)
    apart = "tells the two sides apart" if high < 1 or low > 1 else "does not tell the two sides apart"
    return [
        f"Our epochs take {result['epoch_time_ratio']:.2f} times as long (aim: at most 1), by seed "
        f"{min(by_seed):.2f} to {max(by_seed):.2f}.",
        f"The 95 % interval of the mean over the seeds, {low:.2f} to {high:.2f}, {apart}.",
    ]


def corpora_table(t: Translator) -> str:
    """Returns the accuracy on every text corpus that was measured, and the aim."""
    rows, results = [], {name: read(name) for name in CORPORA}
    for name, result in results.items():
        text, aim = CORPORA[name]
        numbers = [plus_minus(result[f"{split}_accuracy"], 100, 2) for split in ("validation", "test")]
        rows.append([t(text), *numbers, aim, str(len(result["runs"])), f"{result['minutes_a_run']:.1f}",
                     f"{result['peak_mib'] / 1024:.1f}", f"`{result['command']}`", result["commit"]])  # fmt: skip
    header = ["Corpus", "Validation, %", "Test, %", "Aim, %", "Runs", "Minutes a run", "Peak memory, GiB",
              "Command", "Commit"]  # fmt: skip
    return table(map(t, header), rows) + "\n\n" + " ".join(map(t, origins(results)))


def step_table(t: Translator) -> str:
    """Returns what a training step of ``default`` costs, part by part."""
    result = read("step-time-default")
    names = {
        "operator": "Gluon's fused LSTM, forward and backward",
        "encoder": "our `LSTMEncoder`, forward and backward",
        "bare": "Gluon's LSTM, dense layer, loss, Gluon's Adam, one fixed batch",
        "net": "our classifier, forward and backward, one fixed batch",
        "update": "our classifier with clipping and our Adam, one fixed batch",
        "step": "a step of `gluon-lstm train`: new augmented batch, update, loss and accuracy read",
    }
    ratios = {key: paired_ratios(result, key, "operator") for key in names}
    rows = [
        [t(text), f"{result['median_milliseconds'][key]:.1f}",
         t(lowest_to_highest(result["milliseconds"][key]["values"])),
         f"{median(ratios[key]):.2f}", t(lowest_to_highest(ratios[key], digits=2))]
        for key, text in names.items()
    ]  # fmt: skip
    header = ["One step of `default`, batch 128", "Milliseconds, median", "Lowest to highest", "Of the operator",
              "Lowest to highest"]  # fmt: skip
    encoder = t(f"The encoder's aim is 1.05; it is {median(ratios['encoder']):.2f}.")
    aim = t(f"The last line's aim is 1.10; it is {median(ratios['step']):.2f}.")
    texts = [encoder, aim, *map(t, step_notes(result)), source(result, t)]
    return table(map(t, header), rows) + f"\n\n{' '.join(texts)}"


def step_notes(result: Dict[str, Any]) -> List[str]:
    """Returns how the step was timed, what it comes to beside the bare net, and what its parts cost.

    Raises:
        ValueError: a part costs less than nothing.
    """
    timed = (
        f"Medians of {len(result['milliseconds']['step']['values'])} rounds of {result.get('steps_a_round', 30)} steps "
        f"each, in turn, on made-up images of MNIST's size; threads: {result['threads']}."
    )
    ratio = "Ratios and differences are those within a round, of which the median counts."
    bare = (
        f"The bare net, Gluon's LSTM and what makes a training of it, takes "
        f"{median(paired_ratios(result, 'bare', 'operator')):.2f} times as long as the operator, and a step "
        f"{median(paired_ratios(result, 'step', 'bare')):.2f} times as long as the bare net."
    )
    rounds = {name: figures["values"] for name, figures in result["milliseconds"].items()}
    order = ("net", "update", "step")  # the encoder's block costs less than the rounds differ by
    around, update, loop = (
        median([after - before for before, after in zip(rounds[first], rounds[second])])
        for first, second in zip(("operator", *order), order)
    )
    if min(around, update, loop) < 0:
        raise ValueError("step-time-default: a part costs less than nothing; measure it again on a quiet machine")
    whole, operator = (result["median_milliseconds"][name] for name in ("step", "operator"))
    parts = (
        f"Of a step's {whole:.1f} ms the operator takes {operator:.1f}, the rest of "
        f"the classifier and the loss {around:.1f}, clipping and Adam {update:.1f}, and "
        f"drawing and shifting the images, reading loss and accuracy and the rest of the loop {loop:.1f}."
    )
    share = f"So loop and data cost {loop / whole:.1%} of a step (aim: at most a tenth)."
    return [timed, ratio, bare, parts, share]


def paired_ratios(result: Dict[str, Any], one: str, other: str) -> List[float]:
    """Returns how many times as long one thing took as another in each round."""
    values = (result["milliseconds"][name]["values"] for name in (one, other))
    return [first / second for first, second in zip(*values)]


def lowest_to_highest(values: List[float], digits: int = 1) -> str:
    """Returns the range of values as text."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def lengths_table(t: Translator) -> str:
    """Returns the seconds of an epoch over padded texts, lengths handled exactly and not."""
    result = read("exact-lengths")
    names = {
        "ours": ("`LSTMEncoder` with lengths", "yes"),
        "fused": ("Gluon's bidirectional LSTM in the same net", "no"),
        "per_direction": ("a Gluon LSTM a direction, `SequenceReverse`, in the same net", "yes"),
        "two_operators": ("the same, nothing reversed: the least that an operator a direction takes", "no"),
        "operator": ("Gluon's bidirectional LSTM, forward and backward alone", "no"),
        "gluon": ("Gluon alone: bidirectional LSTM, `max`, `Trainer`", "no"),
        "torch": ("PyTorch, padding read as text", "no"),
        "torch_packed": ("PyTorch, packed sequences", "yes"),
    }
    medians = result["median_seconds"]
    rows = [
        [t(text), t(exact), f"{medians[key]:.1f}", f"{medians[key] / medians['ours']:.2f}"]
        for key, (text, exact) in names.items()
        if key in medians
    ]
    header = ["One epoch over 2,000 reviews", "Padding handled exactly", "Seconds", "Of ours"]
    padding = (
        f"{result['padding_share']:.1%} of the steps are padding. "
        f"Ours takes {result['ours_to_fused']:.2f} times as long as the same net that ignores lengths, and "
        f"{result['ours_to_per_direction']:.2f} times as long as an operator a direction; the aims are 0.92 and 0.73."
    )
    return table(map(t, header), rows) + f"\n\n{t(padding)} {source(result, t)}"


def forms_table(t: Translator) -> str:
    """Returns how long other ways to compute a bidirectional layer take."""
    result = read("operator-forms")
    names = {
        "operator": "the fused operator alone",
        "ours": "`LSTMEncoder`",
        "two_operators": "an operator a direction, nothing reversed",
        "joined_steps": "unrolled, a step of both directions as one batched product",
        "cell": '`LSTMEncoder(implementation="cell")`, unrolled a direction at a time',
        "without_onednn": "the operator on MXNet's own kernel, `MXNET_USE_MKLDNN_RNN=0`",
        "avx2": "the operator with `DNNL_MAX_CPU_ISA=AVX2`",
    }
    medians = result["median_milliseconds"]
    rows = [
        [t(text), f"{medians[key]:.1f}", f"{medians[key] / medians['operator']:.2f}"] for key, text in names.items()
    ]
    header = ["Forward and backward, 50 × 300 → 150, bidirectional, batch 64", "Milliseconds", "Of the operator"]
    return table(map(t, header), rows) + f"\n\n{source(result, t)}"


def waiting_table(t: Translator) -> str:
    """Returns what a step and a pass take with threads that sleep soon, and with threads that stay awake."""
    result = read("waiting")
    rows = [
        [shape["name"], *(f"{shape[task][form]:.1f}" for task in ("train", "predict") for form in ("default", "ours"))]
        for shape in result["shapes"]
    ]
    header = ["Milliseconds", "Training step, by default", "as set here", "Forward pass, by default", "as set here"]
    return table(map(t, header), rows) + f"\n\n{source(result, t)}"


def throughput_table(t: Translator) -> str:
    """Returns tokens a second in training on texts, here and elsewhere."""
    result = read("text-throughput")
    names = {
        "ours": ("gluon-lstm", "yes"),
        "torch": ("PyTorch, the same buckets, lengths ignored", "no"),
        "keras": ("Keras, padded to 400, no mask", "no"),
    }
    rows = [
        [t(text), t(exact), f"{rate:,.0f}", f"{rate / result['tokens_per_second']['ours']:.2f}"]
        for key, (text, exact) in names.items()
        for rate in [result["tokens_per_second"][key]]
    ]
    header = ["Training on 2,000 reviews", "Padding handled exactly", "Tokens a second", "Of ours"]
    ratios = result["ours_to"]
    keras, torch = (f"{ratios[peer]:.2f} times as fast as" for peer in ("keras", "torch"))
    aims = f"Ours is {keras} Keras (aim 1.3), {torch} PyTorch (aim 1.0)."
    return table(map(t, header), rows) + f"\n\n{t(aims)} {source(result, t)}"


def tokenizing_table(t: Translator) -> str:
    """Returns how long IMDB's training texts take to become numbers, and how much memory."""
    result = read("tokenizing-imdb")
    rows = [
        [t(text), *(plus_minus(result[form][name], 1, 1) for name in ("seconds", "cpu_seconds")), aim,
         f"{result[form]['peak_mib'] / 1024:.2f}"]
        for form, text, aim in (("anew", "cut anew", "30"), ("cached", "tokens from the cache", ""))
    ]  # fmt: skip
    header = [f"{result['anew']['texts']:,} reviews become {result['anew']['tokens']:,} numbers", "Seconds",
              "Processor's seconds", "Aim", "Peak memory, GiB"]  # fmt: skip
    return table(map(t, header), rows) + f"\n\n{t('The aim for the memory is 1 GiB.')} {source(result, t)}"


def memory_table(t: Translator) -> str:
    """Returns how the resident size grows over steps of random shapes."""
    rows, results = [], {name: read(f"memory-{name}") for name in ("fused", "cell")}
    for name, result in results.items():
        for prefix, text in (("", "freed memory given back"), ("untrimmed_", "just before that")):
            sizes = [f"{result[f'{prefix}{key}']:.0f}" for key in ("settled_mib", "end_mib")]
            rows.append([t(name), t(text), *sizes, f"{result[f'{prefix}growth']:+.1%}", f"`{result['command']}`"])
    header = ["Implementation", "Read", "MiB, second fifth of the steps", "MiB, last fifth", "Growth", "Command"]
    return table(map(t, header), rows) + f"\n\n{measured(results, t)}"


def calibration_table(t: Translator) -> str:
    """Returns the calibration error on test splits, before and after scaling, and what chance alone brings about."""
    rows, results = [], {name: read(f"calibration-{name}") for name in CALIBRATED}
    for name, result in results.items():
        text, aim = CALIBRATED[name]
        runs, within = result["runs"], sum(run["ece_scaled"] <= aim for run in result["runs"])
        spread = plus_minus if len(runs) > 1 else lambda values, factor, digits: f"{values['mean'] * factor:.{digits}f}"
        numbers = [spread(result[key], 100, 2) for key in ("ece", "ece_scaled")]
        chance = [f"{100 * result[f'ece_by_chance{part}_scaled']['mean']:.2f}" for part in ("", "_p95")]
        rows.append([t(text), *numbers, f"{100 * aim:.1f}", t(f"{within} of {len(runs)}"), *chance])
    header = ["Test split", "Calibration error, %", "After scaling, %", "Aim, %", "Runs within the aim",
              "By chance, %", "By chance in 95 % of the cases at most, %"]  # fmt: skip
    return table(map(t, header), rows) + f"\n\n`python benchmarks/calibration.py NAME RUN …`. {measured(results, t)}"


def soak_table(t: Translator) -> str:
    """Returns what came of the kills, the damaged files, the hours in one process, and what the checks cost."""
    tried = {"kills": kills_cells, "fuzz": fuzz_cells, "endurance": endurance_cells, "guards": guards_cells}
    results = {name: read(name) for name in tried}
    rows = [[*tried[name](result), f"`{result['command']}`"] for name, result in results.items()]
    return table(["Tried", "What came of it", "Aim", "Command"], rows) + f"\n\n{measured(results, t)}"


def kills_cells(result: Dict[str, Any]) -> List[str]:
    """Returns what the kills were, what came of them, and the aim."""
    trainings = [training for task in result["outcomes"].values() for training in task if training["kills"]]
    same, after, whole = (sum(one[key] for one in trainings) for key in ("same", "in_training", "checkpoints"))
    tried = f"{result['kills']} SIGKILLs at random moments, half over trainings on images, half on texts"
    ended = f"{same} of {len(trainings)} trainings ended in the bytes of the one never stopped"
    between = f"{after} kills came after a first checkpoint; all {whole} checkpoints read in between were whole"
    return [tried, f"{ended}; {between}", "all"]


def fuzz_cells(result: Dict[str, Any]) -> List[str]:
    """Returns likewise for the damaged files."""
    tried = f"{result['inputs']:,} damaged files, over {len(result['readers'])} [readers](results/fuzz.md)"
    return [tried, f"{result['failures']} ended in something else than a result or a clear error", "0"]


def endurance_cells(result: Dict[str, Any]) -> List[str]:
    """Returns likewise for the hours in one process."""
    rounds, steps = result["rounds"], result["steps_on_random_shapes"]
    tried = (f"{result['minutes']:.0f} minutes in one process: {rounds} trainings, as many evaluations, and {steps:,} "
             f"steps on batches of random sizes")  # fmt: skip
    grown = f"{result['settled_mib']:.0f} MiB after ten minutes, {result['end_mib']:.0f} at the end"
    return [tried, f"resident size {grown}: {result['growth']:+.1%}", "at most +5%"]


def guards_cells(result: Dict[str, Any]) -> List[str]:
    """Returns likewise for the checks of a batch."""
    shares = [f"{task['median_check'] / task['median_step']:.2%}" for task in result["milliseconds"].values()]
    tried = f"the checks of a batch, as a share of its training step: {', '.join(result['milliseconds'])}"
    return [tried, ", ".join(shares), "at most 2%"]


def evaluation_time_table(t: Translator) -> str:
    """Returns how long ``evaluate.py`` takes, whole and in parts."""
    result = read("evaluation-time-mnist-default")
    rows = [
        [t(text), plus_minus(result["seconds"][form], 1, 1), aim, f"{result['peak_mib'][form] / 1024:.2f}"]
        for form, (text, aim) in EVALUATION_FORMS.items()
    ]
    header = ["`evaluate.py RUN`, MNIST, preset `default`", "Seconds", "Aim", "Peak memory, GiB"]
    return table(map(t, header), rows) + f"\n\n{source(result, t)}"


def claim_table(name: str, t: Translator) -> str:
    """Returns how the checks of a claim of the article came out, its verdict, and the checks that do not count."""
    result = json.loads((ARTICLE / f"{name}.json").read_text(encoding="utf-8"))
    form = "quick" if result["settings"]["quick"] else "full"
    verdict = t(f"Verdict: {result['verdict']} ({form} form, {result['settings']['seeds']} seeds).")
    if (ARTICLE_FULL / f"{name}.json").exists():
        full = json.loads((ARTICLE_FULL / f"{name}.json").read_text(encoding="utf-8"))
        seeds = full["settings"]["seeds"]
        verdict += " " + t(f"In the full form: {full['verdict']} ([{seeds} seeds](article-full/{name}.md)).")
    parts = [checks_table(result["checks"], t), verdict]
    if result["further"]:
        parts += [t("Mended, beyond the verdict:"), checks_table(result["further"], t)]
    return "\n\n".join(parts)


def checks_table(checks: List[Dict[str, Any]], t: Translator) -> str:
    """Returns how checks came out."""
    header = ["True where the article is right", "Effect", "95 % interval", "Least that matters", "Answer"]
    rows = [
        [markdown(t(check["says"])), tell_effect(check, t), tell_interval(check, t), short_number(check["least"]),
         t(tell_answer(check))]
        for check in checks
    ]  # fmt: skip
    return table(map(t, header), rows)


def pixel_time_table(t: Translator) -> str:
    """Returns what an epoch pixel by pixel takes, from a short piece."""
    result = read("pixel-time")
    hours = result["epoch_hours"]
    cells = [f"{1000 * result['step_seconds']:.0f}", f"{60 * hours:.1f}", f"{hours * result['epochs']:.1f}"]
    header = [f"Milliseconds a step, batch {result['batch_size']}", "Minutes an epoch of 55,000 images",
              f"Hours of {result['epochs']} epochs"]  # fmt: skip
    text = (
        f"Processor's time of {result['threads']} thread, validation not counted: what `{result['train']}` takes "
        f"beyond the same with {result['pieces'][0]} images. A core shared with other work takes longer."
    )
    return table(map(t, header), [cells]) + f"\n\n{text} `{result['command']}`. {origin(result, t)}"


def trials_table(t: Translator) -> str:
    """Returns what each setting of the preset for pixels brings, from short trainings."""
    result = read("pixels-trials")
    rows = [
        [f"`{change}`" if change else t("the preset as it is"), f"{100 * accuracy:.1f}"]
        for change, accuracy in result["validation_accuracy"].items()
    ]
    text = t(f"Seed 0, `{result['train']}`.")
    return table(map(t, ["Changed", "Validation accuracy, %"]), rows) + f"\n\n{text} {source(result, t)}"


def pixels_table(t: Translator) -> str:
    """Returns how far trainings pixel by pixel got."""
    result = read("pixel-by-pixel")
    rows = []
    for view, goals in PIXELS.items():
        runs = [run for run in result["runs"] if run["view"] == view]
        named = [[f"`{run['name']}`", *goals, *_pixel_cells(run)] for run in runs]
        rows += named or [["none yet", *goals, *[""] * 6]]
    header = ["Run", "Pixels", "Published, %", "Aim, %", "Epochs so far", "Best validation, %", "Test, %", "Hours",
              "Seed", "Command"]  # fmt: skip
    views = [view for view in PIXELS if any(run["view"] == view and run["epochs_done"] for run in result["runs"])]
    curves = [f"![Validation loss and accuracy against the epoch, {PIXELS[view][0]}](results/pixel-by-pixel-{view}.png)"
              for view in views]  # fmt: skip
    machines: Dict[str, List[str]] = {}
    for run in result["runs"]:
        machines.setdefault(f"{run['date']} on {run['machine']}", []).append(f"`{run['name']}`")
    trained = "; ".join(f"{', '.join(names)}, by {origin}" for origin, names in machines.items())
    read_on = f"One thread each; trained: {trained}. Read on {result['date']} at commit {result['commit']}."
    return "\n\n".join([table(map(t, header), rows), f"`{result['command']}`. {read_on}", *curves])


def _pixel_cells(run: Dict[str, Any]) -> List[str]:
    """Returns the cells of a run: what is not known yet is said."""
    done, tested = f"{run['epochs_done']} of {run['epochs']}", run["test_accuracy"]
    if run["best_epoch"] is None:
        return [done, "", "", f"{run['hours']:.1f}", str(run["seed"]), f"`{run['train']}`"]
    best = f"{100 * run['validation_accuracy']:.2f} (epoch {run['best_epoch']})"
    test = "not looked at" if tested is None else f"{100 * tested:.2f}"
    return [done, best, test, f"{run['hours']:.1f}", str(run["seed"]), f"`{run['train']}`"]


def start_table(t: Translator) -> str:
    """Returns the few figures of the start page, each with the file it is from."""
    best, article, speed = read("mnist-best"), read("article-vs-keras"), read("side-by-side")
    ratios = [shape["train"]["times_as_fast"] for shape in speed["shapes"]]
    against = f"speed of a training step against the faster of PyTorch and Keras, {len(ratios)} shapes"
    rows = [
        ["MNIST, 10,000 test images, preset `best`", accuracy(best, best), "mnist-best.json"],
        ["the article's model on MNIST, preset `article`", accuracy(article, article["ours"]), "article-vs-keras.json"],
        ["the same model in Keras", accuracy(article, article["keras"]), "article-vs-keras.json"],
        *([text, accuracy(read(name), read(name)), f"{name}.json"] for name, text in START_CORPORA.items()),
        [f"{against} (above 1: ours is faster)", f"{min(ratios):.2f} to {max(ratios):.2f}", "side-by-side.md"],
    ]  # fmt: skip
    rows = [[t(what), t(number), t(f"[{name}](results/{name})")] for what, number, name in rows]
    hopeful = t(f"{best['test_accuracy']['mean']:.2%} is [slightly hopeful](choosing-best.md).")
    return table(map(t, ["Measured", "Test accuracy, %, or ratio", "File"]), rows) + f"\n\n{hopeful}"


def accuracy(result: Dict[str, Any], side: Dict[str, Any]) -> str:
    """Returns mean and standard deviation of a side's test accuracy over a result's runs."""
    return f"{plus_minus(side['test_accuracy'], 100, 2)}, {len(result['runs'])} seeds"


TABLES: Dict[str, Callable[[Translator], str]] = {
    **{f"claim-{name}": partial(claim_table, name) for name in CLAIMS},
    "start": start_table,
    "times": times_table,
    "presets": presets_table,
    "best-recipes": best_table,
    "article": article_table,
    "corpora": corpora_table,
    "step": step_table,
    "lengths": lengths_table,
    "operator-forms": forms_table,
    "waiting": waiting_table,
    "memory": memory_table,
    "throughput": throughput_table,
    "tokenizing": tokenizing_table,
    "soak": soak_table,
    "calibration": calibration_table,
    "evaluation-time": evaluation_time_table,
    "pixel-time": pixel_time_table,
    "pixel-trials": trials_table,
    "pixels": pixels_table,
}


def read(name: str) -> Dict[str, Any]:
    """Returns the content of ``docs/results/NAME.json``."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def plus_minus(values: Dict[str, Any], factor: float, digits: int) -> str:
    """Returns mean and standard deviation as text."""
    return f"{values['mean'] * factor:.{digits}f} ± {values['sd'] * factor:.{digits}f}"


def source(result: Dict[str, Any], t: Translator) -> str:
    """Returns the command that made a result, where and when."""
    return t(f"`{result['command']}`. {_measured(result)}")


def origin(result: Dict[str, Any], t: Translator) -> str:
    """Returns where and when a result was measured."""
    return t(_measured(result))


def measured(results: Dict[str, Dict[str, Any]], t: Translator) -> str:
    """Returns where and when each of some results was measured."""
    return " ".join(f"`{name}`: {origin(result, t)}" for name, result in results.items())


def _measured(result: Dict[str, Any]) -> str:
    """Returns the same in English."""
    return f"Measured by {result['date']} at commit {commits(result)} on {machine(result)}."


def commits(result: Dict[str, Any]) -> str:
    """Returns the commits that the runs of a result were made at."""
    return ", ".join(sorted({run.get("commit", result["commit"]) for run in result.get("runs", [result])}))


def table(header: Iterable[str], rows: List[List[str]]) -> str:
    """Returns a Markdown table."""
    names = list(header)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


if __name__ == "__main__":
    sys.exit(main())
