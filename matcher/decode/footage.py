"""One video, from bytes to fingerprints of its frames or to the named state that stood in the way. Runs in the child, by PyAV.

PyAV is an extra: FFmpeg is 70 MB, and looks at strangers' bytes with a lot of code. So the demuxer is chosen by the first bytes, only
decoders of kinds that sites serve are used, and a file that names another file or address is refused: there is no protocol to open it by.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.picture import Fingerprint, State
from matcher import regions, sampling
from matcher.decode import limits
from matcher.decode.answer import MOST_SCENES, Reading, Scene
from matcher.decode.containers.container import Obstacle
from matcher.decode.containers.video import Footage, walk
from matcher.hashers import HASHERS, MIN_QUALITY, area
from matcher.views import CROP_TURNS, REGION_HASHER, TURNS, UPRIGHT, View

if TYPE_CHECKING:
    from av.codec.context import CodecContext
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

Luma = NDArray[np.uint8]

_DECODERS: Final = (
    "h264", "hevc", "libdav1d", "vp9", "vp8", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "h263", "flv", "theora",
    "msmpeg4", "msmpeg4v2", "msmpeg4v1", "wmv1", "wmv2", "wmv3", "vc1", "vp6", "vp6f", "vp6a", "prores", "png",
)  # fmt: skip
_OPTIONS: Final = {
    "codec_whitelist": ",".join(_DECODERS),
    "protocol_whitelist": "none",
    "max_streams": "100",
}
_LUMA_FIRST: Final = {
    "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv440p", "yuvj440p", "yuv411p", "yuvj411p",
    "yuv410p", "yuva420p", "yuva422p", "yuva444p", "nv12", "nv21", "nv16", "nv24", "gray",
}  # fmt: skip  # 8 bits of brightness a pixel, by themselves in the first plane


def read_video(content: bytes, *, turns: bool) -> Reading:
    """
    turns: as for enrolment: two frames a second, in all turns. Else as it was met: its keyframes, upright.
    """
    footage = walk(content)
    if footage is None:
        return Reading(obstacle=State.NOT_IMAGE, reason="the bytes are not a video in any known format")
    try:
        import av  # with the first video: 0.1 s and 130 MiB of addresses, which children that meet none are spared
    except ImportError:
        reason = f"{footage.name} needs the extra: pip install 'stillwatch[video]'"
        return Reading(obstacle=State.UNSUPPORTED, reason=reason)
    av.logging.set_level(None)  # what a stranger's file makes FFmpeg say is no line of ours
    return _Viewing(footage, enrolling=turns).reading()


@dataclass(frozen=True, slots=True)
class _Group:
    """A keyframe and what is decoded from it, in the order of the file.

    zero   ticks at which the video's time begins, by the clock of this group
    """

    begin_s: float
    zero: int
    packets: "list[Packet[VideoStream]]"


class _Viewing:
    """What is found while the frames of one video go by."""

    def __init__(self, footage: Footage, *, enrolling: bool) -> None:
        self._footage = footage
        self._enrolling = enrolling
        self._no_more_after = time.monotonic() + limits.video_time(enrolling=enrolling).begin_s
        self._found: list[Fingerprint] = []
        self._turned: list[Fingerprint] = []
        self._planes: list[Luma] = []  # of the frames kept
        self._last = ""  # hash of the last frame that was kept
        self._plain = 0
        self._looked = 0
        self._damaged = 0

    def reading(self) -> Reading:
        obstacle: Obstacle | None = None
        try:
            with _opened(self._footage) as container:
                self._go_through(container, _stream(container, self._footage.name))
        except Obstacle as met:
            obstacle = met
        except Exception as error:  # noqa: BLE001  # FFmpeg's errors are of thirty kinds; each becomes a named state
            obstacle = _named(error, self._footage)
        obstacle = obstacle or self._fault()
        return Reading(
            fingerprints=tuple(self._found),
            turned=tuple(self._turned),
            scenes=() if self._enrolling else self._scenes(),
            obstacle=None if obstacle is None else obstacle.state,
            reason="" if obstacle is None else obstacle.reason,
        )

    def _scenes(self) -> tuple[Scene, ...]:
        """A few, all over the video: where it was cropped, they can be moved into place."""
        count = len(self._planes)
        chosen = sorted({count * part // MOST_SCENES for part in range(MOST_SCENES)}) if count else []
        return tuple(Scene(number, self._planes[number]) for number in chosen)

    def _fault(self) -> Obstacle | None:
        """What is wrong with a video that was gone through to its end."""
        if not self._footage.complete:
            return Obstacle(State.TRUNCATED, f"the {self._footage.name} ends before it is complete")
        if self._damaged:
            return Obstacle(State.BROKEN, f"{self._damaged} of {self._looked} frames looked at are damaged")
        if self._found:
            return None
        if self._plain:
            return Obstacle(State.TOO_PLAIN, "its frames have too few features to tell them from others")
        return Obstacle(State.BROKEN, f"there is no frame in the {self._footage.name}")

    # ---------------------------------------------------------------------------------------------- going through it

    def _go_through(self, container: "InputContainer", stream: "VideoStream") -> None:
        clock = _Clock(stream)
        groups, end_s, cut = self._groups(container, stream, clock)
        begins = [group.begin_s for group in groups]
        moments = sampling.moments(begins, end_s, self._sampling(groups, stream), limits.MAX_VIDEO_FRAMES)
        stream.codec_context.options = _decoding(keyframes_only=all(len(wanted) <= 1 for wanted in moments.groups))
        for group, wanted in zip(groups, moments.groups, strict=True):
            for time_s, frame in self._frames(stream, group, wanted, clock):
                self._take(time_s, frame)
            group.packets.clear()
        if cut is not None:
            raise cut
        if moments.apart_s > sampling.CRAWLED.farthest_s:
            raise Obstacle(State.PARTIAL, f"only one frame in {moments.apart_s:.0f} s was compared")

    def _groups(
        self, container: "InputContainer", stream: "VideoStream", clock: "_Clock"
    ) -> tuple[list[_Group], float, Obstacle | None]:
        """All groups, where they end, and why not all of the video is among them. What lies before the first keyframe is a group, too: it
        may be that the keyframe is damaged beyond recognition."""
        groups: list[_Group] = []
        end_s = 0.0
        cut: Obstacle | None = None
        for number, packet in enumerate(container.demux(stream)):
            if packet.size == 0:
                continue
            at_s = clock.of(packet)
            if at_s > limits.MAX_VIDEO_S or number == limits.MAX_VIDEO_PACKETS or self._late():
                cut = Obstacle(State.PARTIAL, f"only the first {_spoken(end_s)} were compared")
                break
            if packet.is_keyframe or not groups:
                groups.append(_Group(at_s, clock.zero, [packet]))
            else:
                groups[-1].packets.append(packet)
            end_s = max(end_s, at_s)
        return groups, end_s, cut

    def _sampling(self, groups: Sequence[_Group], stream: "VideoStream") -> sampling.Sampling:
        """An enrolled video is decoded whole where that is no more work than allowed."""
        frames = sum(len(group.packets) for group in groups)
        whole = frames * stream.width * stream.height <= limits.MAX_VIDEO_PIXELS
        return sampling.ENROLLED if self._enrolling and whole else sampling.CRAWLED

    def _frames(
        self, stream: "VideoStream", group: _Group, wanted: Sequence[float], clock: "_Clock"
    ) -> "Iterator[tuple[float, VideoFrame]]":
        """The first frame at or after each wanted moment. Each group begins with a decoder that knows nothing of the one before."""
        if not wanted:
            return
        if self._late():
            raise self._out_of_time(group.begin_s)
        left = list(wanted)
        for frame in _decoded(stream, group.packets[:1] if len(wanted) == 1 else group.packets):
            at_s = left[0] if frame.pts is None else clock.seconds(frame.pts - group.zero)
            if at_s >= left[0] - _SAME_S:
                left = [moment for moment in left if moment - _SAME_S > at_s]
                yield max(0.0, at_s), frame
            if not left or self._late():
                break
        if len(left) == len(wanted):
            self._looked += 1
            self._damaged += 1
        stream.codec_context.flush_buffers()
        if left and self._late():
            raise self._out_of_time(left[0])

    def _out_of_time(self, reached_s: float) -> Obstacle:
        reason = f"only the first {_spoken(reached_s)} were compared, the rest is too much to decode"
        return Obstacle(State.PARTIAL, reason)

    def _late(self) -> bool:
        return time.monotonic() > self._no_more_after

    # -------------------------------------------------------------------------------------------------------- one frame

    def _take(self, time_s: float, frame: "VideoFrame") -> None:
        self._looked += 1
        self._damaged += frame.is_corrupt  # what is left of it may still be known
        if min(frame.width, frame.height) < limits.MIN_SIDE:
            raise Obstacle(State.TOO_SMALL, f"a side is shorter than {limits.MIN_SIDE} pixels")
        plane = _turned(_small(_luma(frame)), frame)
        views = self._views(plane)
        whole, *parts = zip(views, area.hashes(plane, [view.box for view in views], self._turns(views)), strict=True)
        _, (quality, bits) = whole
        if quality < MIN_QUALITY or HASHERS[REGION_HASHER].fault(bits[UPRIGHT]) is not None:
            self._plain += 1
            return
        if self._last and sampling.alike(bits[UPRIGHT], self._last):
            return
        self._last = bits[UPRIGHT]
        for view, (quality, bits) in (whole, *parts):
            if quality >= MIN_QUALITY:
                self._add(view._replace(frame=len(self._planes)), bits, quality, time_s)
        self._planes.append(plane)

    def _views(self, plane: Luma) -> list[View]:
        """The whole first."""
        box = regions.trimmed(plane)
        views = [View("full"), *([] if box is None else [View("trim", box=box)])]
        return views + [View("crop", box=box) for box in sampling.CROPS] if self._enrolling else views

    def _turns(self, views: Sequence[View]) -> list[Sequence[str]]:
        return [TURNS if view.whole else CROP_TURNS for view in views]

    def _add(self, view: View, bits: Mapping[str, str], quality: int, time_s: float) -> None:
        hasher = HASHERS[REGION_HASHER]
        for turn, digits in bits.items():
            if hasher.fault(digits) is not None:
                continue
            made = Fingerprint(
                hasher=hasher.name,
                view=view._replace(turn=turn).name,
                bits=digits,
                quality=quality,
                time_s=round(time_s, 3),
            )
            (self._found if self._enrolling or turn == UPRIGHT else self._turned).append(made)


_SAME_S: Final = 0.002  # moments of packets and frames are rounded, each in its own way
_BACK_S: Final = 60.0  # no frame is decoded so long after a later one
_AHEAD_S: Final = 600.0  # none is shown for so long


class _Clock:
    """Seconds from the beginning; keyframes never go back. Recordings that were joined set their clock back, and some packets do not tell
    a time."""

    def __init__(self, stream: "VideoStream") -> None:
        assert stream.time_base is not None
        self._tick_s = float(stream.time_base)
        self._step_s = float(1 / stream.average_rate) if stream.average_rate else 0.04
        self.zero = stream.start_time or 0  # ticks
        self._last_s = 0.0
        self._key_s = 0.0

    def of(self, packet: "Packet[VideoStream]") -> float:
        """Asked in the order of the file."""
        ticks = packet.dts if packet.pts is None else packet.pts
        at_s = max(self._last_s, self._key_s) + self._step_s
        if ticks is not None:
            told_s = max(0.0, self.seconds(ticks - self.zero))
            earliest_s = self._key_s if packet.is_keyframe else self._last_s - _BACK_S
            if earliest_s <= told_s <= self._last_s + _AHEAD_S:
                at_s = told_s
            else:
                self.zero = ticks - round(at_s / self._tick_s)
        self._last_s = at_s
        if packet.is_keyframe:
            self._key_s = at_s
        return at_s

    def seconds(self, ticks: int) -> float:
        return ticks * self._tick_s


def _opened(footage: Footage) -> "InputContainer":
    import av

    def refuse(*_: object) -> None:
        raise Obstacle(State.UNSUPPORTED, f"the {footage.name} refers to another file, which is not opened")

    return av.open(
        BytesIO(footage.content), "r", format=footage.demuxer, options=dict(_OPTIONS), io_open=refuse, buffer_size=2**18
    )


def _stream(container: "InputContainer", name: str) -> "VideoStream":
    """The one that players show."""
    from av.video.stream import VideoStream

    if len(container.streams) == 0:
        raise Obstacle(State.BROKEN, f"the {name} is damaged: nothing is found in it")
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        raise Obstacle(State.NOT_IMAGE, f"there is no picture in the {name}")
    context = cast("CodecContext | None", stream.codec_context)  # its stubs say that there always is one
    if context is None or context.codec.name not in _DECODERS:
        kind = "something unknown" if context is None else context.codec.name
        raise Obstacle(State.UNSUPPORTED, f"the {name} holds {kind}, which is not decoded here")
    if stream.width * stream.height > limits.MAX_VIDEO_FRAME_PIXELS:
        million = limits.MAX_VIDEO_FRAME_PIXELS / 1e6
        raise Obstacle(
            State.TOO_LARGE, f"{stream.width} by {stream.height} pixels; a video may have {million:g} million"
        )
    context.thread_count = 1
    context.thread_type = "NONE"
    context.skip_frame = "NONREF"  # those from which nothing else is decoded: half the work, and a neighbour will do
    return stream


def _decoding(*, keyframes_only: bool) -> dict[str, str]:
    options = {"max_pixels": str(limits.MAX_VIDEO_FRAME_PIXELS)}
    # Blocks are smoothed so that what is decoded from them does not drift. Of a keyframe by itself it changes no bit, or two.
    return options | {"skip_loop_filter": "all"} if keyframes_only else options


def _decoded(stream: "VideoStream", packets: "Sequence[Packet[VideoStream]]") -> "Iterator[VideoFrame]":
    """Frame after frame, those that the decoder still holds at the end included. A packet that is damaged gives none."""
    from av.error import FFmpegError

    for packet in (*packets, None):
        try:
            yield from stream.decode(packet)
        except MemoryError:
            raise
        except FFmpegError:
            continue


def _luma(frame: "VideoFrame") -> Luma:
    """(h, w), read in place where it lies there in 8 bits."""
    plane = frame.planes[0]
    if frame.format.name not in _LUMA_FIRST or plane.line_size < frame.width:
        frame = frame.reformat(format="gray", threads=1)
        plane = frame.planes[0]
    rows: Luma = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]  # its stubs leave out that it is a buffer
    return rows[: frame.height * plane.line_size].reshape(frame.height, plane.line_size)[:, : frame.width]


def _small(luma: Luma) -> Luma:
    """The longer side at most area.SIDE, by means of areas."""
    height, width = luma.shape
    scale = min(1.0, area.SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # The gap lets whole numbers of pixels be added up first, which is quicker.
    return np.asarray(Image.fromarray(luma).resize(size, Image.Resampling.BOX, reducing_gap=1.0))


def _turned(plane: Luma, frame: "VideoFrame") -> Luma:
    """As it is to be shown: a telephone that is held upright stores its pictures lying.

    The matrix says where a pixel is shown: right by a × x + c × y, down by b × x + d × y.
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return plane
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()  # type: ignore[call-overload]  # as above
    if abs(b) > abs(a):
        plane, a, d = plane.T, c, b
    return np.ascontiguousarray(plane[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def _spoken(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 600 else f"{seconds:.0f} s"


def _named(error: Exception, footage: Footage) -> Obstacle:
    if isinstance(error, MemoryError):
        return Obstacle(State.EXHAUSTED, f"decoding the {footage.name} needed more memory than allowed")
    if not footage.complete or isinstance(error, EOFError):
        return Obstacle(State.TRUNCATED, f"the {footage.name} ends before it is complete")
    return Obstacle(State.BROKEN, f"the {footage.name} is damaged and would not decode")
