"""What a crawl costs: `python -m benchmarks.crawl [--photos FOLDER] [--pages N] [--rounds N] [--only PART …]`. Needs nginx.

Claims: a picture fetched within the agreement, with robots.txt, pace, frontier and accounting, costs a twelfth of what Scrapy's
ImagesPipeline takes for it and less than Crawlee alone; with PDQ an eighth of ImagesPipeline with `pdqhash`; looking again at a site that
did not change costs an eightieth of fetching it anew, and a fortieth where one page in twenty has a new picture.

All arms crawl the same site, served by nginx on loopback, each in a process of its own, in turn. Counted is the CPU time of that process
and of all that it starts, from the beginning of the crawl to its end; imports and set-up are left out for all. A ratio is the median of
the rounds' own ratios.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks import crawl_kill, crawl_site
from benchmarks.crawl_arms import ARMS
from benchmarks.pdq import photographs

SEED: Final = 6
PIPELINE: Final = "Scrapy ImagesPipeline"
CRAWLEE: Final = "Crawlee"
AGAINST: Final = {
    "Stillwatch, fetch alone": (PIPELINE, CRAWLEE),
    "Stillwatch, PDQ": (f"{PIPELINE} + pdqhash", f"{PIPELINE} + imagehash.phash", "Crawlee + pdqhash"),
    "Stillwatch, full recipe": (f"{PIPELINE} + pdqhash", f"{PIPELINE} + imagehash.phash", "Crawlee + pdqhash"),
}
REMEMBERING: Final = "Stillwatch, full recipe, remembering"

# What is loaded late is loaded as it is on a machine where it ran before.
COMPILED: Final = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

Result = Mapping[str, float]


def crawl(arm: str, url: str, folder: Path) -> Result:
    command = [sys.executable, "-m", "benchmarks.crawl_arms", arm, url, str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=COMPILED)
    if run.returncode != 0:
        raise SystemExit(f"{arm}: {run.stderr[-2_000:]}")
    result: Result = json.loads(run.stdout.splitlines()[-1])
    return result


def throughput(photos: Sequence[Path], pages: int, rounds: int, arms: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        site = crawl_site.make(Path(folder) / "site", photos, pages, SEED)
        kb = site.byte_count / site.images / 1000
        print(f"\n{site.pages} pages, {site.images} pictures of {kb:.0f} KB on average; {rounds} rounds, seed {SEED}")
        results: dict[str, list[Result]] = {arm: [] for arm in arms}
        with crawl_site.served(site) as url:
            for number in range(rounds):
                for arm in arms:
                    with tempfile.TemporaryDirectory() as own:
                        result = crawl(arm, url, Path(own))
                    if result["images"] != site.images:
                        raise SystemExit(f"{arm}: {result['images']} pictures of {site.images}")
                    results[arm].append(result)
                    print(f"  round {number + 1}: {arm}: {rate(result):.0f} a CPU second", file=sys.stderr, flush=True)
    table(results)


def rate(result: Result) -> float:
    return result["images"] / result["cpu_s"]


def table(results: Mapping[str, Sequence[Result]]) -> None:
    print("\n| crawler | pictures a CPU second | range | pictures a second | memory, MB |")
    print("| --- | --- | --- | --- | --- |")
    for arm, runs in results.items():
        rates = [rate(run) for run in runs]
        wall = statistics.median(run["images"] / run["wall_s"] for run in runs)
        memory = max(run["rss_mb"] for run in runs)
        print(
            f"| {arm} | {statistics.median(rates):.0f} | {min(rates):.0f}-{max(rates):.0f} | {wall:.0f} | {memory:.0f} |"
        )
    print()
    for ours, peers in AGAINST.items():
        for peer in peers:
            if results.get(ours) and results.get(peer):
                ratios = [rate(one) / rate(other) for one, other in zip(results[ours], results[peer], strict=True)]
                print(f"{ours}: {statistics.median(ratios):.1f} x {peer} ({min(ratios):.1f}-{max(ratios):.1f})")


def second_pass(photos: Sequence[Path], pages: int, rounds: int) -> None:
    """Each round: everything fetched, then one page in twenty changed, then nothing."""
    again, warm, unchanged, sent, starts = [], [], [], [], []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            site = crawl_site.make(Path(folder) / "site", photos, pages, SEED + number)
            own = Path(folder) / "own"
            own.mkdir()
            with crawl_site.served(site) as url:
                first = crawl(REMEMBERING, url, own)
                asked = len(crawl_site.asked(site))
                changed = crawl_site.change(site, photos, 0.05, SEED + number)
                second, third = crawl(REMEMBERING, url, own), crawl(REMEMBERING, url, own)
                requests = len(crawl_site.asked(site)) - asked
            start_s = decoder_start_s()
            again.append(first["cpu_s"] / second["cpu_s"])
            warm.append((first["cpu_s"] - start_s) / (second["cpu_s"] - start_s))
            unchanged.append(first["cpu_s"] / third["cpu_s"])
            starts.append(start_s)
            sent.append(f"{asked} requests, then {requests} in two more passes ({changed} pages with a new picture)")
            print(
                f"  second pass: {first['cpu_s']:.2f} s, {second['cpu_s']:.2f} s, {third['cpu_s']:.2f} s",
                file=sys.stderr,
            )
    print(f"\nLooking again at {pages} pages with {pages * crawl_site.EACH_PAGE} pictures, full recipe: {sent[-1]}")
    print(f"  one page in twenty has a new picture: {statistics.median(again):.0f} x cheaper than fetching all;")
    print(f"    {statistics.median(warm):.0f} x where the process that decodes runs already, which takes", end=" ")
    print(f"{statistics.median(starts):.2f} s to start")
    print(f"  nothing has changed: {statistics.median(unchanged):.0f} x")


def decoder_start_s() -> float:
    """CPU seconds from nothing until the process that decodes is ready, and its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-I", "-m", "matcher.decode.child"], stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder of photographs; by default the demo's")
    parser.add_argument("--pages", type=int, default=80, help="of 14 pictures each")
    parser.add_argument(
        "--again-pages", type=int, nargs="*", default=(400,), help="of the sites that are looked at again"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", nargs="*", choices=("throughput", "again", "kill"), default=("throughput", "again", "kill")
    )
    parser.add_argument(
        "--arms", nargs="*", choices=list(ARMS), default=[arm for arm in ARMS if "remembering" not in arm]
    )
    chosen = parser.parse_args(arguments)
    photos = photographs([str(chosen.photos)] if chosen.photos else [])
    photos = photos[:: max(1, len(photos) // 24)][:24]
    if not photos:
        raise SystemExit(f"{chosen.photos}: no photographs in it; the cure: a folder of JPEG or PNG files")
    if "throughput" in chosen.only:
        throughput(photos, chosen.pages, chosen.rounds, chosen.arms)
    if "again" in chosen.only:
        for pages in chosen.again_pages:
            second_pass(photos, pages, chosen.rounds)
    if "kill" in chosen.only:
        crawl_kill.measure(chosen.rounds)


if __name__ == "__main__":
    if shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin") is None:
        raise SystemExit("benchmarks.crawl needs nginx; the cure: apt install nginx-light")
    main()
