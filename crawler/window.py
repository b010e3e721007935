"""The window in which a page is: waits until the page has what it wants, scrolls, and reads what is shown."""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final

from playwright.async_api import CDPSession, Page
from playwright.async_api import Error as BrowserError

from crawler.page_visit import PageVisit
from crawler.shown import COLLECT, SCROLL

QUIET_S: Final = 0.5  # then it is thought to have what it wants
LOOK_S: Final = 0.05
SCROLLS: Final = 10
MOST_FRAMES: Final = 20


class TimeIsUp(Exception):
    pass


class WindowDied(Exception):
    """The process that showed the page has ended: its scripts took more memory than one page may have, mostly."""


class Window:
    def __init__(self, window: Page, session: CDPSession, visit: PageVisit, own_s: float) -> None:
        self._window = window
        self._session = session
        self._visit = visit
        self._left_s = own_s
        self.answers: list[Any] = []  # of COLLECT, in each frame
        self.told = False  # what the page shows, in its own frame, once at least
        self._died = False
        self._limit: asyncio.Timeout | None = None  # of what is waited for
        window.on("crash", self._die)

    async def look(self, url: str) -> None:
        """Raises TimeIsUp, WindowDied, and what the driver raises; what was found until then is kept."""
        await self._in_time(self._window.goto(url, wait_until="commit", timeout=0))
        await self._quiet()
        more = True
        for _ in range(SCROLLS):
            if not more:
                break
            more = await self._run(SCROLL, await self._own_frame()) is True
            await self._quiet()
            await self._collect()
        self._visit.cut = self._visit.cut or more
        if not self.answers:
            await self._collect()

    async def _collect(self) -> None:
        """The last look at a page counts beside those before: lists drop what was scrolled out of sight."""
        frames = await self._frames()
        self._visit.cut = self._visit.cut or len(frames) > MOST_FRAMES
        for frame in frames[:MOST_FRAMES]:
            answer = await self._run(COLLECT, frame)
            self.told = self.told or (frame == frames[0] and answer is not None)
            self.answers.append(answer)

    async def _quiet(self) -> None:
        """Returns when nothing was asked for in a while, and the page's scripts let themselves be interrupted."""
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(LOOK_S)
            if self._died:
                raise WindowDied
            if self._visit.failure is not None or self._visit.turned_away is not None:
                raise TimeIsUp
            if self._visit.waits:
                continue
            if before - self._visit.moved_at >= QUIET_S:
                await self._run("0", await self._own_frame())
                if loop.time() - self._visit.moved_at >= QUIET_S and not self._visit.waits:
                    return
            self._take(loop.time() - before)

    async def _own_frame(self) -> str:
        return (await self._frames())[0]

    async def _frames(self) -> list[str]:
        tree = await self._in_time(self._session.send("Page.getFrameTree"))
        frames: list[str] = []
        todo = [tree["frameTree"]]
        while todo and len(frames) <= MOST_FRAMES:
            node = todo.pop(0)
            frames.append(node["frame"]["id"])
            todo += node.get("childFrames", [])
        return frames

    async def _run(self, script: str, frame: str) -> Any:
        """In a world of its own, where the page has changed nothing: its document is the same.

        https://chromedevtools.github.io/devtools-protocol/tot/Page/#method-createIsolatedWorld
        """
        try:
            world = await self._in_time(self._session.send("Page.createIsolatedWorld", {"frameId": frame}))
            told = await self._in_time(
                self._session.send(
                    "Runtime.evaluate",
                    {
                        "expression": script,
                        "contextId": world["executionContextId"],
                        "returnByValue": True,
                        "timeout": 1000 * self._left_s,
                    },
                )
            )
        except BrowserError:
            if self._window.is_closed():
                raise
            return None  # the frame is gone, or has another document by now
        return told["result"].get("value")

    async def _in_time(self, doing: Awaitable[Any]) -> Any:
        loop = asyncio.get_running_loop()
        before = loop.time()
        try:
            async with asyncio.timeout(0.0 if self._died else max(0.0, self._left_s)) as self._limit:
                return await doing
        except TimeoutError:
            raise (WindowDied if self._died else TimeIsUp) from None
        finally:
            self._limit = None
            self._left_s -= loop.time() - before

    def _die(self, _: Page) -> None:
        """Nobody else says so: what was asked of it would stay without an answer until the time is up."""
        self._died = True
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time())

    def _take(self, spent_s: float) -> None:
        self._left_s -= spent_s
        if self._left_s <= 0:
            raise TimeIsUp
