"""The kinds of site there are: a file of config/sites names one of these."""

from crawler.spiders.gallery import GallerySpider
from crawler.spiders.site import SiteSpider

KINDS: dict[str, type[SiteSpider]] = {
    "gallery": GallerySpider,
}
