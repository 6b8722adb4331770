"""What a report says in sentences, each computed from the numbers."""

from __future__ import annotations

from typing import List, NamedTuple

import numpy as np

from gluon_lstm.evaluation.calibration import Bins
from gluon_lstm.evaluation.measures import ByChance, Measures
from gluon_lstm.evaluation.metrics import Evaluation
from gluon_lstm.evaluation.mistakes import frequent_confusions
from gluon_lstm.evaluation.report.formats import count, counted, percent
from gluon_lstm.evaluation.report.study import Study
from gluon_lstm.evaluation.robustness import worst

ONE_SIDED = 0.75
"""Share of the calibration error from which on confidence is called too high, or too low, altogether."""
WIDE_INTERVAL = 0.05
WIDE_CHANCE = 0.05
"""Calibration error by chance above which an error within it does not show that confidence is right."""
WEAK_CLASS = 0.1
"""By how much less than the accuracy a class's recall is a weakness."""
OVERFIT = 0.05
BROKEN = 0.8
"""A perturbation that leaves less than this share of the accuracy is named."""
UNKNOWN_TOKENS = 0.1
BLIND = 0.9
"""Area under the ROC curve below which other data are hardly told from known ones."""


class Summary(NamedTuple):
    """A report's first sentences.

    Attributes:
        headline: the accuracy.
        how_good: what follows it, what goes wrong, and what model that is.
        how_sure: what the probabilities are worth.
        worries: what a careful person would look at; empty where nothing was found.
    """

    headline: str
    how_good: List[str]
    how_sure: List[str]
    worries: List[str]


def summarize(study: Study) -> Summary:
    """Returns the sentences of a study."""
    finders = (_few_samples, _no_skill, _weak_classes, _miscalibration, _training, _conditions, _data)
    return Summary(
        percent(study.measures.evaluation.accuracy),
        [*_accuracy(study), *_mistakes(study), *filter(None, [study.provenance.model])],
        [_calibration(study), _selective(study)],
        [sentence for find in finders for sentence in find(study)],
    )


def _accuracy(study: Study) -> List[str]:
    """Returns how good the model is; the first sentence goes on from the headline."""
    evaluation, dataset = study.measures.evaluation, study.dataset
    low, high = evaluation.accuracy_ci95
    most = max(evaluation.per_class, key=lambda item: item.support)
    return [
        f"of the {counted(evaluation.n, 'sample')} ({dataset.name}, {dataset.split}) are classified correctly; with "
        f"95 % confidence the accuracy on such samples is between {percent(low)} and {percent(high)}.",
        f"Always answering with the most frequent class, {most.name}, would be right for "
        f"{percent(most.support / evaluation.n)}.",
    ]


def _mistakes(study: Study) -> List[str]:
    """Returns what goes wrong most often."""
    evaluation = study.measures.evaluation
    wrong = evaluation.n - evaluation.correct
    if not wrong:
        return []
    pairs = frequent_confusions(evaluation, evaluation.confusion.size)
    often = pairs[0]
    if wrong == 1:
        return [f"The only mistake is {often.true} taken for {often.predicted}."]
    least = _lowest_recall(evaluation)
    if often.count == 1:
        return [f"Of the {count(wrong)} mistakes, no two are alike{least}."]
    others = sum(pair.count == often.count for pair in pairs) - 1
    ties = f", as often as {counted(others, 'other pair')}" if others else ""
    return [
        f"Of the {count(wrong)} mistakes, the most frequent is {often.true} taken for {often.predicted} "
        f"({count(often.count)} of {count(wrong)}{ties}){least}."
    ]


def _lowest_recall(evaluation: Evaluation) -> str:
    """Returns which class has the lowest recall, to end a sentence; of several the largest, and how many there are.

    Nothing where all have the same.
    """
    found = [item for item in evaluation.per_class if item.support]
    least = min(found, key=lambda item: (item.recall, -item.support))
    others = sum(item.recall == least.recall for item in found) - 1
    if others == len(found) - 1:
        return ""
    ties = f", as low as that of {count(others)} other class{'es' * (others != 1)}" if others else ""
    share = f"{percent(least.recall)} of its {count(least.support)}"
    return f"; the class with the lowest recall is {least.name} ({share}{ties})"


def _calibration(study: Study) -> str:
    """Returns whether probabilities mean what they say."""
    measures, bins = study.measures, study.measures.calibration.equal_width
    confidence = float(study.predictions.confidence.mean(dtype=float))
    text = (
        f"{_verdict(bins, measures.by_chance)}: {percent(confidence)} on average, where "
        f"{percent(measures.evaluation.accuracy)} are right; the expected calibration error is {percent(bins.ece)}"
    )
    if measures.scaled is not None:
        after = percent(measures.scaled.calibration.equal_width.ece)
        text += f", and {after} after scaling with the temperature {measures.temperature.value:.3f}"
    return f"{text}. Chance alone, with so many samples, brings about up to {percent(measures.by_chance.p95)}."


def _exceeds(error: float, by_chance: ByChance) -> bool:
    """Whether a calibration error is greater than chance makes it in 95 % of the cases, as the report's digits show."""
    return error > by_chance.p95 and percent(error) != percent(by_chance.p95)


def _verdict(bins: Bins, by_chance: ByChance) -> str:
    """Returns whether confidence is right, as far as the bins tell it from chance; the start of a sentence."""
    if _exceeds(bins.ece, by_chance):
        return f"The model's confidence is {_side(bins)}"
    if by_chance.p95 > WIDE_CHANCE:
        return "These samples are too few to tell whether the model's confidence is right"
    return "The model's confidence is about right"


def _side(bins: Bins) -> str:
    """Returns to which side confidence errs.

    Means over all samples would not do: too high in one bin and too low in another cancel each other.
    """
    gaps = np.nan_to_num(bins.confidence - bins.accuracy) * bins.count / bins.count.sum()
    above = float(gaps[gaps > 0].sum()) / bins.ece
    if above >= ONE_SIDED:
        return "too high"
    return "too low" if 1 - above >= ONE_SIDED else "too high for some samples and too low for others"


def _selective(study: Study) -> str:
    """Returns what is gained by not answering."""
    accuracy = study.measures.risk_coverage.accuracies()[0.9]
    return (
        f"Answering only the 90 % of the samples that it is most confident about, it is right for {percent(accuracy)}."
    )


def _few_samples(study: Study) -> List[str]:
    """Returns whether there are too few samples to say much."""
    low, high = study.measures.evaluation.accuracy_ci95
    if high - low <= WIDE_INTERVAL:
        return []
    n, points = study.measures.evaluation.n, f"{100 * (high - low):.1f}"
    start = f"{count(n)} samples are few" if n > 1 else "A single sample tells little"
    return [f"{start}: the interval of the accuracy is {points} points wide."]


def _no_skill(study: Study) -> List[str]:
    """Returns whether the samples do not show that the model is better than its most frequent class."""
    evaluation = study.measures.evaluation
    most = max(evaluation.per_class, key=lambda item: item.support)
    share, (low, high) = most.support / evaluation.n, evaluation.accuracy_ci95
    if share < low:
        return []
    place = "below" if evaluation.accuracy < share else "not clearly above"
    return [
        f"The accuracy, {percent(evaluation.accuracy)} ({percent(low)} to {percent(high)}), is {place} the "
        f"{percent(share)} of always answering with the most frequent class, {most.name}."
    ]


def _weak_classes(study: Study) -> List[str]:
    """Returns which classes are found much less often than the average sample."""
    evaluation = study.measures.evaluation
    weak = [item for item in evaluation.per_class if item.support and item.recall < evaluation.accuracy - WEAK_CLASS]
    if not weak:
        return []
    weak.sort(key=lambda item: item.recall)
    named = ", ".join(f"{item.name} ({percent(item.recall)} of {count(item.support)})" for item in weak[:3])
    more = f" and {len(weak) - 3} more" if len(weak) > 3 else ""
    return [f"Found much less often than the average sample: {named}{more}."]


def _miscalibration(study: Study) -> List[str]:
    """Returns whether calibration errors, before and after scaling, are greater than chance makes them."""
    measures, found = study.measures, []
    before = measures.calibration.equal_width.ece
    is_off = _exceeds(before, measures.by_chance)
    if is_off:
        found.append(
            f"The expected calibration error, {percent(before)}, is greater than chance makes it in 95 % of the cases "
            f"({percent(measures.by_chance.p95)} at most): the probabilities are not to be taken at their word."
        )
    if measures.scaled is not None and _exceeds(measures.scaled.calibration.equal_width.ece, measures.scaled.by_chance):
        after, chance = percent(measures.scaled.calibration.equal_width.ece), percent(measures.scaled.by_chance.p95)
        found.append(
            f"{_scaled(measures, is_off)} the expected calibration error, {after}, is greater than chance makes it in "
            f"95 % of the cases ({chance} at most)."
        )
    return found


def _scaled(measures: Measures, is_off: bool) -> str:
    """Returns what temperature scaling did where the error after it is beyond chance; the start of a sentence.

    It made things worse where the error is outside of the interval, too, that it has without.

    Args:
        measures: the numbers.
        is_off: whether the error was beyond chance before.
    """
    before, after = (part.calibration.equal_width.ece for part in (measures, measures.scaled))
    interval = measures.intervals["ece"]
    if after > (before if interval is None else max(before, interval.high)):
        what = "that" if is_off else f"the calibration on these samples, which was {percent(before)} off,"
        return f"Temperature scaling made {what} worse: afterwards"
    return "Temperature scaling does not mend that: afterwards" if is_off else "After temperature scaling"


def _training(study: Study) -> List[str]:
    """Returns what the log warns of."""
    best = next((record for record in reversed(study.log) if record.get("best")), None)
    if best is None:
        return []
    found = []
    train, validation = best.get("train_accuracy"), best.get("validation_accuracy")
    if None not in (train, validation) and train - validation > OVERFIT:
        found.append(
            f"In the best epoch {percent(train)} of the training samples were right and {percent(validation)} of the "
            f"validation samples: the model has learned some by heart."
        )
    if best["epoch"] == study.log[-1]["epoch"] and len(study.log) > 1:
        found.append("The last epoch was the best: more epochs might bring more.")
    return found


def _conditions(study: Study) -> List[str]:
    """Returns what happens under changed conditions, and with data of another kind."""
    found = []
    if study.robustness is not None and study.robustness.curves:
        before = study.robustness.curves[0].levels[0].accuracy
        name, level = worst(study.robustness)[0]
        if level.accuracy < BROKEN * before:
            found.append(
                f"Under the change that harmed most, {name}, {percent(level.accuracy)} are right instead of "
                f"{percent(before)}."
            )
    if study.outliers is not None and study.outliers.auroc_confidence < BLIND:
        found.append(
            f"Confidence hardly tells {study.outliers.name} from known data (area under the ROC curve "
            f"{study.outliers.auroc_confidence:.3f}, 0.5 is chance)."
        )
    return found


def _data(study: Study) -> List[str]:
    """Returns what the data warn of."""
    share = getattr(study.dataset, "unknown_share", 0.0)
    unknown = [f"{percent(share)} of the tokens are not in the vocabulary."] if share > UNKNOWN_TOKENS else []
    return [*unknown, *study.data_warnings, *study.measures.undefined]
