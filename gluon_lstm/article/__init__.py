"""The article's claims, each as an experiment that anyone can repeat, with a verdict by a stated rule.

The article: 禅与计算机程序设计艺术, “长短时记忆网络:让机器学习更加可靠”. One module a claim; ``registry``
lists them.

* ``claim``: what every claim has, and the values that go in and come out of it.
* ``verdicts``: effects with their intervals → answers → a verdict.
* ``results``: the folder of results, and what a result says of its origin.
* ``reproduce``: runs what is not measured yet, and writes results, figures and pages.
* ``translation``: the pages' texts in another language, from the catalogues in ``locale``.
* ``learning``, ``sequences``: training a classifier, and a reader of generated sequences.
* ``sizes``, ``step_times``, ``surroundings``: nets of equal size, times of training steps, and where they were taken.

Nothing here imports MXNet or Matplotlib before a claim is planned, measured or drawn.
"""

from gluon_lstm.article.claim import Claim, Findings, Record, Settings, Table
from gluon_lstm.article.registry import CLAIMS, find_claims
from gluon_lstm.article.reproduce import reproduce
from gluon_lstm.article.results import ResultsDirectory
from gluon_lstm.article.verdicts import Check, Verdict, decide, effect, mean_interval

__all__ = [
    "CLAIMS",
    "Check",
    "Claim",
    "Findings",
    "Record",
    "ResultsDirectory",
    "Settings",
    "Table",
    "Verdict",
    "decide",
    "effect",
    "find_claims",
    "mean_interval",
    "reproduce",
]
