"""The demo site as a watched one. Apart from the site itself, because every process asks which sites are watched, and few draw pictures."""

from pathlib import Path

from config.sites import parse_site
from core.model import WatchedSite


def demo_site(port: int) -> WatchedSite:
    """The demo site served on this port. Nothing is written anywhere."""
    return parse_site(site_toml(port), Path("demo.toml"))


def site_toml(port: int, *, name: str = "demo", agreed_on: str = "2020-01-01", expires_on: str = "2099-12-31") -> str:
    """The watched-site file for a demo site on this port."""
    return f"""name = "{name}"
kind = "gallery"
start = ["http://127.0.0.1:{port}/"]
hosts = ["127.0.0.1:{port}"]
allow_private = true                  # it runs on this machine

[agreement]
agreed_by = "Harbour Light Photo Club, which exists only in this demonstration"
agreed_on = {agreed_on}
expires_on = {expires_on}
reference = "DEMO"

[politeness]
delay_s = 0.0
concurrency = 4

[takedown]
email = "takedown@demo.invalid"
law = "us_tida"
"""
