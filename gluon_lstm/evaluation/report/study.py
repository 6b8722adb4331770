"""All that is found out about one model and one data set, before it is written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from gluon_lstm.config import REPORT_SECTIONS
from gluon_lstm.data import ImageDataset, SequenceDataset, TextDataset
from gluon_lstm.errors import ConfigError
from gluon_lstm.evaluation.explanations import GateTrace, Occlusion, occlude_steps, trace_gates
from gluon_lstm.evaluation.measures import Measures, Temperature, measure
from gluon_lstm.evaluation.mistakes import LengthGroup, accuracy_by_length, confident_errors
from gluon_lstm.evaluation.outliers import OutlierDetection
from gluon_lstm.evaluation.predict import BATCH_SIZE, Predictions, predict
from gluon_lstm.evaluation.predictor import Predictor
from gluon_lstm.evaluation.robustness import Robustness, measure_robustness
from gluon_lstm.evaluation.speed import Speed, measure_speed
from gluon_lstm.rundir.report_folder import SAMPLES_CHECKSUM

BRIEF = ("mistakes", "training")
"""Parts of the report that is written after each of several trainings."""
PERTURBABLE = (ImageDataset, TextDataset)
"""Kinds of data sets whose samples are there as they came, to be changed and to be predicted from the start."""
ERRORS = 24
"""Wrong samples that the report shows."""
LENGTH_GROUPS = 8
"""Groups of like length that the report tells apart, where lengths vary."""


@dataclass(frozen=True)
class Provenance:
    """What a report says about where its numbers come from.

    Attributes:
        run_name: name of the run, such as its folder's.
        seed: the run's seed.
        versions: package → version.
        details: further facts to list, name → value, such as the preset.
        model: what model it is, in a sentence; empty where that is not known.
    """

    run_name: str
    seed: int
    versions: Mapping[str, str]
    details: Mapping[str, Any]
    model: str = ""


class WrongSample(NamedTuple):
    """A sample that was classified wrongly.

    Attributes:
        index: its position in the data set.
        true: its class.
        predicted: what it was taken for.
        probability: of that.
        place: where it is in the user's own file or folder, as ``Origin`` tells it; empty where it is of none.
        text: what was read; empty where it is no text.
        occlusion: which words mattered; ``None`` where that was not asked for.
    """

    index: int
    true: str
    predicted: str
    probability: float
    place: str = ""
    text: str = ""
    occlusion: Optional[Occlusion] = None


@dataclass(frozen=True, eq=False)
class Study:
    """All that is found out about one model and one data set; ``None`` and empty where it was not asked for.

    Attributes:
        provenance: where it comes from.
        dataset: what was predicted; samples are shown as pictures where it has a method
            ``image(index) -> (H, W) uint8``, as texts where it has ``text(index) -> str``.
        predictions: what the network says about it, in its order.
        measures: the numbers.
        sections: of ``REPORT_SECTIONS``, those that were asked for.
        log: the records of ``log.jsonl``.
        errors: the most confidently wrong samples.
        length_groups: accuracy by length.
        occlusion: which time steps of one sample mattered.
        traces: what the gates of each layer and direction did with that sample.
        robustness: under changed conditions.
        outliers: against another data set.
        speed: how fast the network answers.
        warnings: sentences about what was left out of the samples, and what was doubtful.
    """

    provenance: Provenance
    dataset: SequenceDataset
    predictions: Predictions
    measures: Measures
    sections: Tuple[str, ...] = REPORT_SECTIONS
    log: Sequence[Mapping[str, Any]] = ()
    errors: Sequence[WrongSample] = ()
    length_groups: Sequence[LengthGroup] = ()
    occlusion: Optional[Occlusion] = None
    traces: Sequence[GateTrace] = ()
    robustness: Optional[Robustness] = None
    outliers: Optional[OutlierDetection] = None
    speed: Optional[Speed] = None
    warnings: Tuple[str, ...] = ()

    @property
    def class_names(self) -> Tuple[str, ...]:
        """The classes, in the order of the labels."""
        return self.measures.evaluation.class_names

    def metrics(self) -> Dict[str, Any]:
        """Returns the content of ``metrics.json``."""
        content = {**self.measures.to_dict(), SAMPLES_CHECKSUM: self.dataset.fingerprint}
        for name, part in (("robustness", self.robustness), ("out_of_distribution", self.outliers)):
            if part is not None:
                content[name] = part.to_dict()
                content["notes"] += part.notes
        content["notes"] += self.data_warnings
        return content

    @property
    def data_warnings(self) -> Tuple[str, ...]:
        """Sentences on what was left out of the samples, and on what makes them say less than they seem to."""
        shared = tuple(f"{clause}, so that these figures flatter the model." for clause in self.dataset.warnings)
        return (*shared, *self.warnings)


class StudyOptions(NamedTuple):
    """What a study is to find out.

    Attributes:
        sections: of ``REPORT_SECTIONS``, those that are wanted.
        sample: position of the sample that is explained; ``None`` for the most confidently wrong one.
        progress: whether to show progress bars on the standard error stream.
    """

    sections: Tuple[str, ...] = REPORT_SECTIONS
    sample: Optional[int] = None
    progress: bool = False


def make_study(
    predictions: Predictions,
    dataset: SequenceDataset,
    provenance: Provenance,
    temperature: Temperature,
    *,
    log: Sequence[Mapping[str, Any]] = (),
    predictor: Optional[Predictor] = None,
    outliers: Optional[OutlierDetection] = None,
    warnings: Tuple[str, ...] = (),
    options: StudyOptions = StudyOptions(),  # noqa: B008 - it cannot be changed
) -> Study:
    """Returns what there is to know about predictions, and about the model that made them.

    Args:
        predictions: what the model says about ``dataset``, in its order.
        dataset: what was predicted.
        provenance: where it comes from.
        temperature: what probabilities are scaled with.
        log: the records of ``log.jsonl``.
        predictor: the model; without it what needs more predictions is left out.
        outliers: how other samples are told from these.
        warnings: sentences about what was left out of the samples, and what was doubtful.
        options: what is wanted.

    Raises:
        DataError: the predictions do not fit the data set.
    """
    names, sections = dataset.class_names, options.sections
    lengths = dataset.lengths if "lengths" in sections else None
    measures = measure(predictions, names, temperature)
    return Study(
        provenance=provenance,
        dataset=dataset,
        predictions=predictions,
        measures=measures,
        sections=sections,
        log=log if "training" in sections else (),
        errors=wrong_samples(predictions, dataset, predictor) if "mistakes" in sections else (),
        length_groups=() if lengths is None else accuracy_by_length(predictions, lengths, LENGTH_GROUPS),
        outliers=outliers,
        warnings=warnings,
        **({} if predictor is None else _deeper(predictor, predictions, dataset, options, measures)),
    )


def _deeper(
    predictor: Predictor, predictions: Predictions, dataset: SequenceDataset, options: StudyOptions, measures: Measures
) -> Dict[str, Any]:
    """Returns those parts of a study that need more predictions than one of each sample."""
    parts: Dict[str, Any] = {}
    net, device = predictor.net, predictor.device
    if "explanation" in options.sections:
        index = chosen_sample(predictions, options.sample)
        parts["occlusion"] = occlude_steps(net, dataset, index, device)
        parts["traces"] = trace_gates(net, dataset, index, device)
    if "robustness" in options.sections and isinstance(dataset, PERTURBABLE):
        found = measure_robustness(
            dataset, lambda changed: predict(net, changed, BATCH_SIZE, device), options.progress
        )
        # Of the same samples, unchanged, a page must not have two intervals.
        is_same = found.n == len(predictions.labels)
        parts["robustness"] = found.with_interval(measures.intervals["ece"]) if is_same else found
    if "speed" in options.sections and isinstance(dataset, PERTURBABLE):
        samples = dataset.texts if isinstance(dataset, TextDataset) else dataset.images
        parts["speed"] = measure_speed(samples, predictor.predict_proba, BATCH_SIZE)
    return parts


def chosen_sample(predictions: Predictions, index: Optional[int]) -> int:
    """Returns the position of the sample that is explained: that asked for, or the most confidently wrong, or 0.

    Raises:
        ConfigError: there is no such sample.
    """
    if index is not None and not 0 <= index < len(predictions.labels):
        n = len(predictions.labels)
        told = "is 1 sample, number 0" if n == 1 else f"are {n:,} samples, from 0 on"
        raise ConfigError(f"--sample {index}: there {told}")
    wrong = confident_errors(predictions, 1)
    return index if index is not None else int(wrong[0]) if len(wrong) else 0


def wrong_samples(
    predictions: Predictions, dataset: SequenceDataset, predictor: Optional[Predictor] = None, limit: int = ERRORS
) -> List[WrongSample]:
    """Returns the wrongly classified samples of a data set, the most confident first; with a predictor, why."""
    text, names = getattr(dataset, "text", lambda index: ""), dataset.class_names
    explained = predictor is not None and isinstance(dataset, TextDataset)
    return [
        WrongSample(
            index=int(index),
            true=names[predictions.labels[index]],
            predicted=names[predictions.predicted[index]],
            probability=float(predictions.confidence[index]),
            place="" if dataset.origin is None else dataset.origin.tell(index),
            text=text(index),
            occlusion=occlude_steps(predictor.net, dataset, int(index), predictor.device) if explained else None,
        )
        for index in confident_errors(predictions, limit)
    ]
