"""One pass a process: Scrapy's reactor runs once, and a pass that dies takes nothing with it."""

import json
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from stillwatch import own
from stillwatch.output import json_line, say


def each_in_its_own_process(
    names: Sequence[str], options: Sequence[str], json_lines: bool
) -> tuple[list[dict[str, object]], list[str]]:
    """Crawls the sites side by side; hands on their lines as they come. Returns their summaries, and the names of those that broke off."""
    printing = threading.Lock()

    def one(name: str) -> dict[str, object] | None:
        command = own.part("crawl", name, "--once", "--json", *options)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as child:
            assert child.stdout is not None
            summary = _hand_on(child.stdout, printing, json_lines)
        return summary if child.returncode == 0 else None

    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        results = dict(zip(names, pool.map(one, names), strict=True))
    broken = [name for name, summary in results.items() if summary is None]
    for name in broken:
        say(f"site {name!r}: the pass broke off; the next one takes it up where it stood.")
    return [summary for summary in results.values() if summary is not None], broken


def _hand_on(output: IO[str], printing: threading.Lock, json_lines: bool) -> dict[str, object] | None:
    summary: dict[str, object] | None = None
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
