"""One running browser: started behind its walls, watched for the memory it takes, and ended with whoever started it."""

import asyncio
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, CDPSession, async_playwright
from playwright.async_api import Error as BrowserError

from core.errors import BrowserUnavailable
from crawler.chromium import Chromium, environment
from crawler.proxy import RefusingProxy

log = logging.getLogger(__name__)

FOLDER: Final = "stillwatch-browser-"
STARTS_WITHIN_S: Final = 60.0
ENDS_WITHIN_S: Final = 10.0
MEMORY_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class RunningBrowser:
    driver: Browser
    pid: int

    @property
    def lives(self) -> bool:
        return self.driver.is_connected()

    def kill(self) -> None:
        """Its children end with it: they are spoken to by it alone."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@asynccontextmanager
async def running(chromium: Chromium) -> AsyncIterator[RunningBrowser]:
    """Raises BrowserUnavailable."""
    _forget_the_dead()
    with tempfile.TemporaryDirectory(prefix=f"{FOLDER}{os.getpid()}-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with RefusingProxy() as proxy, async_playwright() as playwright:
            first, *arguments = await chromium.command(proxy.port, folder)
            try:
                driver = await playwright.chromium.launch(
                    executable_path=first,
                    args=arguments,
                    ignore_default_args=True,
                    env=dict(environment(folder)),
                    # The crawl hears these, and ends the browser once it has put down what is under way.
                    handle_sigint=False,
                    handle_sigterm=False,
                    handle_sighup=False,
                    timeout=STARTS_WITHIN_S * 1000,
                )
                session = await driver.new_browser_cdp_session()
                pid = next(process["id"] for process in await _processes(session) if process["type"] == "browser")
            except BrowserError as error:
                raise BrowserUnavailable(_why(error)) from error
            browser = RunningBrowser(driver, pid)
            watch = asyncio.create_task(_watch_memory(browser, session, chromium.most_memory))
            try:
                yield browser
            finally:
                watch.cancel()
                await _end(browser)
                if proxy.refused:
                    log.info("browser.refused", extra={"requests": proxy.refused})


def _forget_the_dead() -> None:
    """Folders of crawls that were killed. What a browser of ours writes tells of itself, not of pages."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        pid = folder.name.removeprefix(FOLDER).partition("-")[0]
        if not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)


async def _end(browser: RunningBrowser) -> None:
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            await browser.driver.close()
    except TimeoutError:
        browser.kill()
    except BrowserError:
        pass  # it is gone


async def _watch_memory(browser: RunningBrowser, session: CDPSession, most: int) -> None:
    """A page that takes more costs the browser: whichever page it was, each process of it may hold a part."""
    with suppress(BrowserError):
        while True:
            await asyncio.sleep(MEMORY_EVERY_S)
            if sum(_taken(process["id"]) for process in await _processes(session)) > most:
                log.warning("browser.too_much_memory")
                browser.kill()
                return


async def _processes(session: CDPSession) -> list[dict[str, Any]]:
    """https://chromedevtools.github.io/devtools-protocol/tot/SystemInfo/#method-getProcessInfo"""
    said = await session.send("SystemInfo.getProcessInfo")
    return list(said["processInfo"])


def _taken(pid: int) -> int:
    """Bytes that it holds in memory, without the files that all of them share: proc(5), status."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0  # it has ended
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:")))


def _why(error: BrowserError) -> str:
    if "sandbox" in error.message.lower():
        return (
            "Chromium's sandbox does not work here; the cure: sudo sysctl -w kernel.unprivileged_userns_clone=1, "
            "or STILLWATCH_BROWSER_SANDBOX=off where nothing else of worth is on the machine"
        )
    return "Chromium does not start; the cure: see what `chromium --headless about:blank` says to the user who crawls"
