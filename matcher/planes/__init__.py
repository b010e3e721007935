"""What is counted on a small grey plane and on the frequencies of one: means of its parts, its straight edges, its border, bits.

Each has a plain definition in NumPy; `engine()` computes the same, to the bit, by the fastest that is there.
"""

from matcher.planes.kernel import describe, engine

__all__ = ["describe", "engine"]
