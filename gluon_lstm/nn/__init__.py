"""HybridBlocks: memory cell, encoders, pooling, classifier; weights from and to PyTorch and Keras."""

from gluon_lstm.nn.build import build_net, make_net
from gluon_lstm.nn.cell import GRUCell, LSTMCell, LSTMStep, RNNCell
from gluon_lstm.nn.classifier import SequenceClassifier
from gluon_lstm.nn.encoder import EncoderOutput, GroupedEncoder, GRUEncoder, LSTMEncoder, RecurrentEncoder, RNNEncoder
from gluon_lstm.nn.graphs import SequenceBlock
from gluon_lstm.nn.initializers import ChronoBias, GateOrthogonal, PartialBias
from gluon_lstm.nn.layer import RecurrentLayer
from gluon_lstm.nn.parameters import check_arrays, count_parameters, get_arrays, set_arrays
from gluon_lstm.nn.pooling import Pooling
from gluon_lstm.nn.recurrences import GRU, LSTM, RNN, Gates
from gluon_lstm.nn.text import TextClassifier, TokenEmbedding
from gluon_lstm.nn.transformer import TransformerEncoder

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "ChronoBias",
    "EncoderOutput",
    "GRUCell",
    "GRUEncoder",
    "GateOrthogonal",
    "Gates",
    "GroupedEncoder",
    "LSTMCell",
    "LSTMEncoder",
    "LSTMStep",
    "PartialBias",
    "Pooling",
    "RNNCell",
    "RNNEncoder",
    "RecurrentEncoder",
    "RecurrentLayer",
    "SequenceBlock",
    "SequenceClassifier",
    "TextClassifier",
    "TokenEmbedding",
    "TransformerEncoder",
    "build_net",
    "check_arrays",
    "count_parameters",
    "get_arrays",
    "make_net",
    "set_arrays",
]
