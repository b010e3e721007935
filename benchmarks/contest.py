"""Who answers how fast, on the same data and with the same answer.

All are built before any is asked, and are asked in turn, so that whatever else the machine does meets them alike; the median of the
rounds counts. An exact engine whose answer differs from that of faiss's IndexBinaryFlat stops the run; of the others the share found
is told. One that would take too long is left out, and shown as left out.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.clock import Taken, median, taken
from benchmarks.corpus import Corpus, Hashes
from benchmarks.peers import FLAT, Answer, Peer, Searching, resident_bytes
from matcher.hamming import Pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """
    rounds      of which the median is taken
    at_least_s  a round asks different batches until so much time has passed, or all were asked
    at_most_s   of CPU: who would take longer for one batch is left out
    again_s     of CPU: who takes longer for one batch is asked it once
    """

    rounds: int = 3
    at_least_s: float = 0.05
    at_most_s: float = 2.0
    again_s: float = 3.0


@dataclass(slots=True, kw_only=True)
class Built:
    peer: Peer
    searching: Searching
    build: Taken
    first: Taken  # search, of one query
    held: int  # bytes of memory, more than before it was built
    checked: int = 0  # queries whose answer was compared
    expected: int = 0  # pairs
    found: int = 0  # of those
    per_query: float = 0.0  # CPU s, as last measured


@dataclass(slots=True)
class Contest:
    corpus: Corpus
    largest: int  # threshold
    pace: Pace
    built: list[Built] = field(default_factory=list)
    _reference: dict[int, Pairs] = field(default_factory=dict)  # by threshold

    def enter(self, peers: Sequence[Peer]) -> None:
        for peer in peers:
            if len(self.corpus.enrolled) <= peer.most:
                self.built.append(self._build(peer))

    def _build(self, peer: Peer) -> Built:
        before = resident_bytes()
        made: list[Searching] = []
        build = taken(lambda: made.append(peer.build(self.corpus.enrolled, self.largest)))
        held = resident_bytes() - before
        first = taken(made[0].search, self.corpus.queries[:1], self.largest, 1)
        return Built(peer=peer, searching=made[0], build=build, first=first, held=held)

    def compete(self, threshold: int, batch: int, threads: int = 1) -> dict[str, Taken]:
        """Time a query, by name. Two threads: only those that can use them."""
        batches = self._batches(batch)
        entered = [
            one
            for one in self.built
            if (threads == 1 or one.peer.threads)
            and (one.peer.ours or one.peer.name == FLAT or one.per_query * batch <= self.pace.at_most_s)
        ]
        times: dict[str, list[Taken]] = {one.peer.name: [] for one in entered}
        gc.collect()
        gc.disable()  # none of the garbage is theirs
        try:
            for _ in range(self.pace.rounds):
                for one in entered:
                    earlier = times[one.peer.name]
                    if not earlier or earlier[0].cpu * batch <= self.pace.again_s:
                        earlier.append(self._ask(one, batches, threshold, threads, check=not earlier))
        finally:
            gc.enable()
        medians = {name: median(each) for name, each in times.items()}
        for one in entered:
            one.per_query = medians[one.peer.name].cpu
        return medians

    def _batches(self, batch: int) -> list[tuple[int, Hashes]]:
        batches = []
        for start in range(0, len(self.corpus.queries) - batch + 1, batch):
            queries = self.corpus.queries[start : start + batch]
            assert len(queries.octets) == len(queries.digits)  # made before the clock runs
            batches.append((start, queries))
        return batches

    def _ask(
        self, one: Built, batches: Sequence[tuple[int, Hashes]], threshold: int, threads: int, *, check: bool
    ) -> Taken:
        answers: list[Answer] = []
        cpu = wall = 0.0
        asked = 0
        for start, queries in batches:
            time = taken(_into, answers, one.searching, queries, threshold, threads)
            cpu, wall, asked = cpu + time.cpu, wall + time.wall, asked + len(queries)
            if check:
                self._check(one, start, len(queries), threshold, answers[-1]())
            answers.clear()
            if wall >= self.pace.at_least_s:
                break
        return Taken(cpu, wall).per(asked)

    def _check(self, one: Built, start: int, count: int, threshold: int, answer: Pairs) -> None:
        whole = self.expected(threshold)
        first, last = np.searchsorted(whole.rows, [start, start + count])
        part = Pairs(whole.rows[first:last] - start, whole.entries[first:last], whole.distances[first:last])
        same = all(np.array_equal(mine, theirs) for mine, theirs in zip(answer, part, strict=True))
        if one.peer.exact and not same:
            raise SystemExit(
                f"{one.peer.name} answers otherwise than {FLAT}: {len(self.corpus.enrolled)} {self.corpus.name}, "
                f"threshold {threshold}, queries {start} to {start + count}"
            )
        one.checked += count
        one.expected += len(part.rows)
        one.found += len(answer.rows)

    def expected(self, threshold: int) -> Pairs:
        """The whole batch by IndexBinaryFlat."""
        if threshold not in self._reference:
            flat = next(one for one in self.built if one.peer.name == FLAT)
            self._reference[threshold] = flat.searching.search(self.corpus.queries, threshold, 2)()
        return self._reference[threshold]


def _into(answers: list[Answer], searching: Searching, queries: Hashes, threshold: int, threads: int) -> None:
    answers.append(searching.search(queries, threshold, threads))


def fastest(candidates: Sequence[Peer], corpus: Corpus, threshold: int) -> Peer:
    """Each is built and asked 32 queries, twice; none is kept."""

    def cpu_s(peer: Peer) -> float:
        searching = peer.build(corpus.enrolled, threshold)
        queries = corpus.queries[:32]
        return min(taken(searching.search, queries, threshold, 1).cpu for _ in range(2))

    return min(candidates, key=cpu_s) if len(candidates) > 1 else candidates[0]


def us(time: Taken | None) -> str:
    """CPU µs, or that it was left out."""
    return "-" if time is None else number(time.cpu * 1e6)


def number(value: float) -> str:
    """Three digits, or all before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(slower: Taken | None, faster: Taken | None, of: Callable[[Taken], float] = lambda taken: taken.cpu) -> str:
    if slower is None or faster is None or not of(faster):
        return "-"
    return f"{number(of(slower) / of(faster))} x"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """In Markdown."""
    for row in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def best(measured: Mapping[str, Taken], names: Sequence[str]) -> Taken | None:
    return min((measured[name] for name in names if name in measured), key=lambda time: time.cpu, default=None)
