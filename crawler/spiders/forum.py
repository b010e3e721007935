"""A forum: threads over many pages. Read like a gallery, but for what leads to no post, and to each post once more.

Forums link each page under many names: every post by an address of its own, every list in every order, a form for every answer. These are
left out, so that what a pass may ask for goes to threads. A thread that was begun is read to its end before the next one; people come last.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from crawler import links
from crawler.fetch import Fetched
from crawler.links import PageLinks
from crawler.spiders.site import SiteSpider

LONGEST_PATH = 300  # characters, with the query: 5,000 longer ones, which no forum makes, are not to be looked through

# Who brings no cookie has the session in each address, or the language (NodeBB): one page would be many.
READER = re.compile(r"(?<=[?&;])(?:(?:sid|s|PHPSESSID)=[0-9a-zA-Z,\-]{20,64}|lang=[a-zA-Z_\-]{2,10})(?:[&;]|$)")
LOOSE_END = re.compile(r"[?&;]+$")

# Pictures that are called like pages.
ATTACHMENTS = (
    r"/download/file\.php\?",  # phpBB
    r"/attachment\.php\?",  # vBulletin, MyBB
    r"/filedata/fetch\?",  # vBulletin 5
    r"/image\.php\?(?:.{0,200}&)?u=\d",  # avatars of vBulletin
    r"[?&;]action=dlattach\b",  # SMF
    r"/attachments/[^/?]+\.\d+/?$",  # XenForo: /attachments/drawing-jpg.12/
    r"[?&]mod=attachment&",  # Discuz
    r"/attachment/\d+/?$",  # django-machina
)

# In front of what follows: the folder of the forum.
ROOT = r"^(?:/(?:forums?|community|boards?|talk|discuss|discussions|index\.php))?"
LEFT_OUT = {
    "anywhere": (
        ROOT
        + r"/(?:log-?in|log-?out|sign-?up|sign-?in|register|lost-password|reset|auth|session|account|settings|api|admin)(?:[/?]|$)",
        ROOT
        + r"/(?:search|search-forums|find-new|whats-new|recent|unread|popular|online|badges|calendar|compose|outgoing|goto)(?:[/?]|$)",
        ROOT + r"/(?:messages|conversations|direct-messages|notifications|bookmarks|misc|memberlist|groups)(?:[/?]|$)",
        ROOT + r"/(?:members|users|u|user)/?(?:\?|$)",
        r"\.rss(?:\?|$)|/(?:feeds?|external|syndication)(?:\.php)?(?:[/?]|$)",
        r"[?&;](?:highlight|hilit|goto|sort|sortby|order|ascending|direction|daysprune|datecut|prefix_id|replytocom)=",
    ),
    "phpBB": (
        r"/(?:posting|ucp|mcp|search|viewonline|report|faq)\.php|/app\.php/(?:help|user|report|post)\b",
        r"/memberlist\.php(?!\?mode=viewprofile)",
        r"/viewtopic\.php\?(?:.{0,200}&)?p=\d",  # one post; its topic has a `t`
        r"[?&](?:view=(?:print|next|previous|unread|viewpoll)|mark=|hash=|watch=|unwatch=|bookmark=|sk=|sd=|st=)",
    ),
    "vBulletin": (
        r"/(?:newreply|newthread|editpost|private|sendmessage|subscription|calendar|login|register|usercp|online|profile|misc)\.php",
        r"/(?:showgroups|printthread|showpost|threadrate|postings|joinrequests|ajax|inlinemod|infraction|poll|converse)\.php",
        r"/showthread\.php[?/](?:.{0,200}[&?])?(?:p|post|postid)=\d|[?&]p=\d+&viewfull=1|[?&]mode=(?:threaded|hybrid|linear)",
    ),
    "MyBB": (
        r"/(?:sendthread|ratethread|reputation|stats|managegroup|modcp|warnings|contact|polls)\.php",
        r"/member\.php\?action=(?!profile)",
        r"/showthread\.php\?(?:.{0,200}&)?(?:pid=\d|action=)",
        r"/thread-\d+-(?:post|lastpost|newpost|nextnewest|nextoldest)\b",
    ),
    "SMF": (
        r"[?&;]action=(?!dlattach\b|profile\b|member\.php)\w+(?<!forum)",
        r"[?&;]action=profile;.{0,200}area=",
        r"[?&;]topic=\d+\.(?:msg\d+|new|from\d+)|[?&;]prev_next=",
    ),
    "XenForo": (
        r"/posts/\d+",
        r"/threads/[^/?]+/(?:post-\d+|latest|unread)\b",
        r"/members/[^/?]+/[^?]+|/forums/[^/?]+/(?:post-thread|create-thread|mark-read|watch)\b",
    ),
    "Discourse": (
        r"/t/[^/?]*[^/?\d][^/?]*/\d+/\d+$",  # its fifth post: /t/title/12/5. Misago's fifth page ends with a slash
        r"/t/\d+/\d+$|/(?:posts|p|raw)/\d+",
        r"/(?:u|users)/[^/?]+/[^?]+",
    ),
    "Flarum": (r"/d/\d+[^/?]*/\d+|[?&]near=",),
    "NodeBB": (r"/topic/\d+/[^/?]+/\d+$|/post/\d+|/user/[^/?]+/[^?]+|/world(?:\?|$)",),
    "FlaskBB": (
        r"/post/\d+|/topic/[^/?]+/(?:post|trivialize|highlight|lock|unlock|delete|first_unread)\b|/markread\b",
    ),
    "django-machina": (r"/topic/[^/?]+/\?post=\d|/member/profile/\d+/[^?]",),
    "Misago": (r"/t/[^/?]+/\d+/(?:post|last|new|unapproved|best-answer)\b",),
}
# What is done with a thread or post, where these words end its address.
FORMS = (
    r"/(?:reply|add-reply|edit|delete|report|react|like|share|quote|bookmark|watch|print|raw|preview|history|new)/?$"
)
OF_A_THREAD = r"/(?:threads?|topics?|t|d|posts?)/"
PEOPLE = (
    r"/(?:members|users?|u|profile|member/profile)/[^/?]+",
    r"/(?:member|profile)\.php\?|/memberlist\.php\?mode=viewprofile|/user-\d+\.html",
    r"[?&;]action=profile\b",
)
# What counts the pages of a thread or of a list of threads.
PAGE_NUMBERS = (
    r"(?<=[?&;])(?:page|start|pagenumber)=\d*(?:[&;]|$)",
    r"/page-?\d+(?=/?(?:\?|$))",  # XenForo, vBulletin 4
    r"-page-\d+(?=\.html$)",  # MyBB
    r"(?<=[?&;]topic=)\d+\.\d+|(?<=[?&;]board=)\d+\.\d+",  # SMF counts posts: topic=12.15
    r"(?<=\d)/\d+(?=/$)",  # Misago: /t/title/12/2/
)


def _any(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


ATTACHMENT, PERSON, PAGE_NUMBER = _any(ATTACHMENTS), _any(PEOPLE), _any(PAGE_NUMBERS)
FORM, THREAD = _any([FORMS]), _any([OF_A_THREAD])
TO_NO_POST = _any([pattern for patterns in LEFT_OUT.values() for pattern in patterns])


class ForumSpider(SiteSpider):
    name: ClassVar[str] = "forum"  # type: ignore[misc]  # Scrapy reads it from the class and from the object

    @staticmethod
    def read_page(page: Fetched) -> PageLinks:
        found = links.read_page(page.body, page.final_url, page.headers.get("content-type"))
        pages = list(dict.fromkeys(map(without_reader, found.pages)))
        attached = (url for url in pages if ATTACHMENT.search(_path(url)[:LONGEST_PATH]))
        images = dict.fromkeys((*map(without_reader, found.images), *attached))
        threads = [url for url in pages if url not in images and leads_to_posts(url)]
        return replace(found, images=tuple(images), pages=tuple(in_order(threads, page.final_url)))


def leads_to_posts(url: str) -> bool:
    """And to none to which another address leads already."""
    path = _path(url)
    if len(path) > LONGEST_PATH:
        return True
    return not (TO_NO_POST.search(path) or (FORM.search(path) and THREAD.search(path)))


def without_reader(url: str) -> str:
    kept = READER.sub("", url)
    return url if kept == url else LOOSE_END.sub("", kept)


def in_order(urls: Sequence[str], own: str) -> Sequence[str]:
    """Further pages of the thread or list that is being read, then what it leads to, then people."""
    here = _without_page(without_reader(own))

    def rank(url: str) -> int:
        path = _path(url)[:LONGEST_PATH]
        return 0 if _without_page(url) == here else 2 if PERSON.search(path) else 1

    return sorted(urls, key=rank)


def _without_page(url: str) -> str:
    """Pages of one thread are one and the same then."""
    if len(url) > LONGEST_PATH:
        return url
    origin = url[: -len(_path(url))]
    path = PAGE_NUMBER.sub(lambda found: found[0].partition(".")[0] if found[0][0].isdigit() else "", _path(url))
    return LOOSE_END.sub("", f"{origin}{path}").rstrip("/")


def _path(url: str) -> str:
    """With its query; without the origin, whose name may hold any word."""
    return "/" + url.split("/", 3)[3]
