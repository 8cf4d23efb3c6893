"""Int8 inference in plain NumPy, as LiteRT defines it, readable as a textbook.

Nothing here is fast, and nothing runs on a board. It is the second opinion on the kernels, it says
what every layer computes (:func:`run` returns all tensors), and it is the place to read how
quantized inference works:

- ``arithmetic``: real numbers as integers, and back; the two rounding rules;
- ``sums``: convolutions and fully connected layers, which multiply and accumulate;
- ``windows``: pooling, means and resizing;
- ``pointwise``: what maps each element by itself, or two tensors element by element;
- ``movement``: what only moves elements.
"""

from __future__ import annotations

from tinyproof.integer.network import OPERATORS, before_activation, run

__all__ = ["OPERATORS", "before_activation", "run"]
