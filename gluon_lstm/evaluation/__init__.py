"""How well a trained network does: predict, then evaluate, then write.

* ``predict``: a network and a data set → ``Predictions``.
* ``predictor``: a run directory → a ``Predictor`` for NumPy arrays.
* ``metrics``: ``Predictions`` → ``Evaluation``; pure functions on NumPy arrays.
* ``plots``: finished arrays → Matplotlib figures.
* ``report``: ``Evaluation`` → files of a folder, and the terminal's tables.

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
