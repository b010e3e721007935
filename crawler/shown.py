"""What a page shows once its scripts have run, asked in a world of JavaScript that the page's own scripts cannot change."""

from collections.abc import Mapping
from dataclasses import replace
from string import Template
from typing import Final

from crawler import links
from crawler.links import LONGEST_PAGE, MOST_IMAGES, MOST_PAGES, PageLinks
from crawler.urls import parse

MOST_ELEMENTS: Final = 20_000  # whose style is computed
LONGEST_REFERENCE: Final = 4_096  # characters

# Returns the document's base, its HTML, pictures and pages; `cut` where there was more.
COLLECT: Final = Template("""
(() => {
  const images = new Set(), pages = new Set();
  let left = $elements, cut = false;
  const keep = (kept, most, reference) => {
    if (typeof reference !== "string" || !reference || reference.startsWith("data:") || reference.startsWith("blob:")) return;
    if (kept.size >= most || reference.length > $longest) cut = true; else kept.add(reference);
  };
  const read = root => {
    for (const element of root.querySelectorAll("*")) {
      if (left-- <= 0) { cut = true; return; }
      const name = element.localName;
      if (name === "img" || name === "source" || name === "video") {
        keep(images, $images, element.currentSrc);
        keep(images, $images, element.src);
        keep(images, $images, element.poster);
      } else if (name === "a" || name === "area") keep(pages, $pages, element.href);
      for (const pseudo of [null, "::before", "::after"]) {
        const style = getComputedStyle(element, pseudo);
        for (const value of [style.backgroundImage, style.content, style.listStyleImage, style.borderImageSource])
          if (value && value.includes("url("))
            for (const found of value.matchAll(/url\\("([^"]*)"\\)/g)) keep(images, $images, found[1]);
      }
      if (element.shadowRoot) read(element.shadowRoot);
    }
  };
  read(document);
  const html = document.documentElement ? document.documentElement.outerHTML : "";
  if (html.length > $html) cut = true;
  return {base: document.baseURI, html: html.slice(0, $html), images: [...images], pages: [...pages], cut};
})()
""").substitute(
    elements=MOST_ELEMENTS,
    longest=LONGEST_REFERENCE,
    images=MOST_IMAGES,
    pages=MOST_PAGES,
    html=LONGEST_PAGE // 4,  # characters, of up to four bytes
)

# One screen further down, the page and whatever scrolls in it. Returns whether there is more below.
SCROLL: Final = Template("""
(() => {
  let left = $elements, more = false;
  const on = area => {
    if (area.scrollHeight <= area.clientHeight + 8) return;
    const before = area.scrollTop;
    area.scrollTop = before + area.clientHeight;
    if (area.scrollTop > before) more = true;
  };
  if (document.scrollingElement) on(document.scrollingElement);
  for (const element of document.querySelectorAll("body *")) {
    if (left-- <= 0) break;
    if (element.scrollHeight > element.clientHeight + 8 && /auto|scroll/.test(getComputedStyle(element).overflowY)) on(element);
  }
  return more;
})()
""").substitute(elements=MOST_ELEMENTS // 4)


def shown(answer: object, page_url: str) -> PageLinks:
    """What COLLECT said of one document. Pure, and it may take a while: HTML is read. Whatever has another form says nothing."""
    said: Mapping[str, object] = answer if isinstance(answer, dict) else {}
    base, html = said.get("base"), said.get("html")
    url = base if isinstance(base, str) and parse(base) is not None else page_url
    named = links.read_page(str(html or "").encode("utf-8", "replace"), url, "text/html; charset=utf-8")
    seen = links.spelled(url, _texts(said.get("images")), _texts(said.get("pages")))
    return replace(
        named,
        images=(*named.images, *seen.images),
        pages=(*named.pages, *seen.pages),
        truncated=named.truncated or seen.truncated or said.get("cut") is not False,
    )


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
