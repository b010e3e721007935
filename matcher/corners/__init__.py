"""Local features, for copies of which only a part is left: "oriented FAST and rotated BRIEF", without OpenCV."""

from matcher.corners.corners import Corners, extract
from matcher.corners.kernel import describe
from matcher.corners.packing import packed, unpacked

__all__ = ["Corners", "describe", "extract", "packed", "unpacked"]
