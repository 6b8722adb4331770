"""Taking a sequence apart, which a symbolic graph can only do for a length that it knows."""

from typing import Any, List, Optional


def split_steps(F, sequence, num_steps: Optional[int]) -> Optional[List[Any]]:
    """Returns the time steps (N, D) of a sequence (T, N, D).

    Args:
        F: ``mx.nd`` or ``mx.sym``.
        sequence: array, which knows its length, or symbol, which does not.
        num_steps: T, for a symbol.

    Returns:
        T arrays or symbols, or ``None`` for a symbol of unknown length.
    """
    steps = sequence.shape[0] if hasattr(sequence, "shape") else num_steps
    if steps is None:
        return None
    parts = F.split(sequence, num_outputs=steps, axis=0, squeeze_axis=True)
    return [parts] if steps == 1 else list(parts)
