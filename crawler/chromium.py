"""The browser in which pages of kind `rendered` run their scripts: Debian's Chromium, started so that it has no way to any network.

Everything a page wants is intercepted and asked for by the guarded fetch (crawler.page_visit). What would slip past the interception
meets two walls: a proxy that refuses everything (crawler.proxy), and, where the machine lets us, a network namespace without a network.
"""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

NO_DRIVER: Final = "its pages are read by a browser, whose driver is an extra: pip install 'stillwatch[rendered]'"
NO_BROWSER: Final = "its pages are read by a browser, and there is none: sudo apt install chromium"
ROOT: Final = (
    "its pages are read by a browser, whose sandbox refuses root: crawl as an ordinary user, "
    "or set STILLWATCH_BROWSER_SANDBOX=off where nothing else of worth is on the machine"
)
HEAP_MIB: Final = 512  # of the scripts of one page

# https://peter.sh/experiments/chromium-command-line-switches/ lists what there is, the sources of Chromium what each means.
FLAGS: Final = (
    "--headless",  # no window
    "--remote-debugging-pipe",  # the driver speaks to it through a pipe: there is no port that others could use
    "--no-startup-window",
    "--enable-automation",  # a page that asks is told that nobody sits here
    # No way to a network but the proxy
    "--proxy-bypass-list=<-loopback>",  # without it, loopback is asked without the proxy
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # no name server is asked, whoever wants one; the proxy is found
    "--dns-prefetch-disable",
    "--disable-quic",  # UDP goes past an HTTP proxy
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # so does WebRTC; this is its older name
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--no-pings",  # <a ping> tells third parties
    # Nothing of its own to say to its makers
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-client-side-phishing-detection",
    "--disable-default-apps",
    "--disable-domain-reliability",  # reports of errors to the sites' makers
    "--disable-extensions",
    "--disable-field-trial-config",  # every machine behaves alike
    "--disable-search-engine-choice-screen",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-service-autorun",
    # Nothing on disk
    "--disable-breakpad",  # a dump of a crash holds what a page held
    "--disable-crash-reporter",
    "--disk-cache-size=1",
    "--password-store=basic",
    # Less to attack, and less memory
    "--disable-3d-apis",
    "--disable-gpu",
    "--disable-speech-api",
    "--disable-back-forward-cache",
    "--disable-site-isolation-trials",  # frames in the process of their page: there is no secret here to keep from another site
    f"--js-flags=--max-old-space-size={HEAP_MIB}",
    "--mute-audio",
    # A page is hurried although nobody looks at it
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-features="
    + ",".join(
        (
            "IsolateOrigins",  # as --disable-site-isolation-trials
            "site-per-process",
            "HttpsUpgrades",  # asks for another URL than the page named
            "HttpsFirstBalancedModeAutoEnable",
            "Prerender2",  # pages that nobody has clicked on
            "MediaRouter",  # looks for televisions
            "DialMediaRouteProvider",
            "OptimizationHints",  # these four ask Chromium's makers
            "Translate",
            "AutofillServerCommunication",
            "CertificateTransparencyComponentUpdater",
            "LocalNetworkAccessChecks",  # asks a person; the agreement decides
        )
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chromium:
    sandboxed: bool = True  # Chromium's own walls around each page. Root cannot have them
    most_memory: int = 2 * 2**30  # bytes, of all its processes: buffers and canvases come on top of HEAP_MIB
    in_own_network: bool = True  # where the machine lets us; else the proxy is the one wall

    def why_not(self) -> str | None:
        """Why no page can be rendered on this machine, with the cure; None: it can."""
        if find_spec("playwright") is None:
            return NO_DRIVER
        if shutil.which("chromium") is None:
            return NO_BROWSER
        return ROOT if self.sandboxed and os.geteuid() == 0 else None

    async def command(self, proxy_port: int, folder: Path) -> Sequence[str]:
        """
        proxy_port   on 127.0.0.1
        folder       empty, for what a browser writes about itself
        """
        chromium = shutil.which("chromium")
        assert chromium is not None, "why_not was asked"
        walls = await _own_network() if self.in_own_network else ()
        # Killed with the driver, which ends with the crawl: prctl(2), PR_SET_PDEATHSIG. After the walls, as a change of user undoes it.
        with_its_parent = ("setpriv", "--pdeathsig", "KILL", "--")
        flags = [*FLAGS, f"--proxy-server=http://127.0.0.1:{proxy_port}", f"--user-data-dir={folder}"]
        if not self.sandboxed:
            flags.append("--no-sandbox")
        call = [*walls, *with_its_parent, chromium, *flags]
        return [shutil.which(call[0]) or call[0], *call[1:]]


def environment(folder: Path) -> Mapping[str, str | float | bool]:
    """None of ours: it may hold passwords."""
    return {"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}


async def _own_network() -> tuple[str, ...]:
    """What a command is put behind so that it has no network; empty where the machine does not let us (unshare(1))."""
    for call in (("unshare", "--user", "--map-current-user", "--net", "--"), ("unshare", "--net", "--")):
        try:
            tried = await asyncio.create_subprocess_exec(*call, "true", stderr=asyncio.subprocess.DEVNULL)
        except FileNotFoundError:
            return ()
        if await tried.wait() == 0:
            return call
    return ()
