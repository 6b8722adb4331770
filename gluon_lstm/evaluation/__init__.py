"""How well a trained network does: predict, then evaluate, then write.

* ``predict``: a network and a data set → ``Predictions``.
* ``predictor``: a run directory → a ``Predictor`` for NumPy arrays.
* ``metrics``, ``ranking``, ``calibration``, ``selective``, ``mistakes``, ``intervals``: pure functions on NumPy arrays;
  ``measures`` joins them: ``Predictions`` → ``Measures``, the content of ``metrics.json``.
* ``perturbations``, ``robustness``, ``outliers``, ``explanations``, ``speed``: what further predictions show.
* ``scaling``: a run's temperature. ``comparison``: two models on the same samples.
* ``plots``: finished arrays → Matplotlib figures.
* ``report``: all of it as a ``Study`` → files of a folder, and the terminal's tables.

``plots`` and ``report`` are not imported here, so that training need not wait for Matplotlib.
"""

from gluon_lstm.evaluation.metrics import Evaluation, evaluate
from gluon_lstm.evaluation.predict import Predictions, check_compatible, predict, predict_logits, softmax
from gluon_lstm.evaluation.predictor import Predictor, load

__all__ = [
    "Evaluation",
    "Predictions",
    "Predictor",
    "check_compatible",
    "evaluate",
    "load",
    "predict",
    "predict_logits",
    "softmax",
]
