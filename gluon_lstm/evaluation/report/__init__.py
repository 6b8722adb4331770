"""From numbers to a report: ``make_study`` finds out, ``write_report`` writes, ``terminal_table`` shows."""

from gluon_lstm.evaluation.report.comparing import compare_studies, tables_of, write_comparison
from gluon_lstm.evaluation.report.models import model_facts, model_sentence
from gluon_lstm.evaluation.report.study import BRIEF, Provenance, Study, StudyOptions, make_study
from gluon_lstm.evaluation.report.terminal import terminal_table, terminal_tables
from gluon_lstm.evaluation.report.writing import write_predictions, write_report, write_unlabelled

__all__ = [
    "BRIEF",
    "Provenance",
    "Study",
    "StudyOptions",
    "compare_studies",
    "make_study",
    "model_facts",
    "model_sentence",
    "tables_of",
    "terminal_table",
    "terminal_tables",
    "write_comparison",
    "write_predictions",
    "write_report",
    "write_unlabelled",
]
