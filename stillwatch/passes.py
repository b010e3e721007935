"""One pass a process: Scrapy's reactor runs once, and a pass that dies takes nothing with it."""

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, Any

from stillwatch import own
from stillwatch.output import json_line, say

OURS = "stillwatch: "  # what a command that ends with an error begins its last line with
STATES = ("pages", "images", "unchanged")  # of a summary: numbers by name
NUMBERS = ("urls", "hits", "bytes", "cut_pages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the pass over one site ended."""

    site: str
    status: int  # of its process
    summary: Mapping[str, Any] | None = field(repr=False)  # None: it did not come to one
    reason: str | None  # what the process said of an error


def each_in_its_own_process(names: Sequence[str], options: Sequence[str], json_lines: bool) -> Sequence[Ended]:
    """Crawls the sites side by side; hands on their lines as they come."""
    printing = threading.Lock()

    def one(name: str) -> Ended:
        command = own.part("crawl", name, "--once", "--json", *options)
        piped = subprocess.PIPE
        with (
            subprocess.Popen(
                command, stdout=piped, stderr=piped, text=True, encoding="utf-8", errors="replace"
            ) as child,
            ThreadPoolExecutor(1) as listening,
        ):
            assert child.stdout is not None
            assert child.stderr is not None
            reason = listening.submit(_overheard, child.stderr, printing)
            summary = _hand_on(child.stdout, printing, json_lines)
            said = reason.result()
        return Ended(site=name, status=child.returncode, summary=summary, reason=said if child.returncode else None)

    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        ends = list(pool.map(one, names))
    for end in ends:
        if end.status == 2:
            say(f"site {end.site!r}: {'not crawled' if end.summary is None else 'the pass was ended'}, see above")
        elif end.status != 0:
            say(f"site {end.site!r}: the pass broke off; the next one takes it up where it stood.")
    return ends


def exit_status(ends: Sequence[Ended]) -> int:
    """1 where a pass broke off; else 2 where a site might not be crawled."""
    wrong = {end.status for end in ends} - {0}
    return 0 if not wrong else 2 if wrong == {2} else 1


def together(ends: Sequence[Ended]) -> Mapping[str, object]:
    """One summary of all: each by itself, and their sums."""
    summaries = [end.summary for end in ends if end.summary is not None]
    failed = [end for end in ends if end.status != 0]
    return {
        "sites": summaries,
        **{name: sum(each[name] for each in summaries) for name in NUMBERS},
        **{name: _sums([each[name] for each in summaries]) for name in STATES},
        "finished": not failed and all(each["finished"] for each in summaries),
        "failed": [end.site for end in failed],
        "reasons": {end.site: end.reason for end in failed if end.reason is not None},
    }


def _sums(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    summed: Counter[str] = Counter()
    for each in counts:
        summed.update(each)
    return dict(summed)


def _hand_on(output: IO[str], printing: threading.Lock, json_lines: bool) -> Mapping[str, Any] | None:
    summary: Mapping[str, Any] | None = None
    for text in output:
        fields = json.loads(text)
        if "summary" in fields:
            summary = fields["summary"]
            continue
        with printing:
            if json_lines:
                json_line(fields)
            elif fields["state"] == "hit":
                say(f"hit  {fields['hit']}  {fields['image_url']}")
    return summary


def _overheard(errors: IO[str], printing: threading.Lock) -> str | None:
    """Hands on what a process says on standard error. Returns what it said of the error that ended it."""
    reason = None
    for text in errors:
        with printing:
            say(text.rstrip("\n"))
        if text.startswith(OURS):
            reason = text.removeprefix(OURS).strip()
    return reason
