"""HybridBlocks: memory cell, encoders, pooling, classifier."""

from gluon_lstm.nn.build import build_net
from gluon_lstm.nn.cell import LSTMCell, lstm_step
from gluon_lstm.nn.classifier import SequenceClassifier
from gluon_lstm.nn.encoder import EncoderOutput, GroupedEncoder, LSTMEncoder
from gluon_lstm.nn.initializers import ForgetBias, GateOrthogonal
from gluon_lstm.nn.layer import LSTMLayer
from gluon_lstm.nn.parameters import count_parameters, get_arrays, set_arrays
from gluon_lstm.nn.pooling import Pooling

__all__ = [
    "EncoderOutput",
    "ForgetBias",
    "GateOrthogonal",
    "GroupedEncoder",
    "LSTMCell",
    "LSTMEncoder",
    "LSTMLayer",
    "Pooling",
    "SequenceClassifier",
    "build_net",
    "count_parameters",
    "get_arrays",
    "lstm_step",
    "set_arrays",
]
