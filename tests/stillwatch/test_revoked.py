"""What a crawl noted of a site's pictures goes when the site's agreement ends."""

from datetime import date
from pathlib import Path

import pytest

from core.model import Agreement, PersonId, Standing, WatchedSite
from crawler.frontier import Found, What
from stillwatch.schedule import Clockwork
from stillwatch.wiring import House, utc_now
from stillwatch.workers import Stop, work_crawls
from tests import houses
from tests.stillwatch.pictures import drawn, folder_of, jpeg

ADA = PersonId("ada")


def site(name: str) -> WatchedSite:
    agreed = Agreement(agreed_by="t", agreed_on=date(2026, 1, 1), expires_on=date(2099, 1, 1), reference="T-1")
    return WatchedSite(name=name, kind="gallery", start=("http://127.0.0.1/",), hosts=("127.0.0.1",), agreement=agreed)


def protect(house: House, folder: Path) -> None:
    from matcher.hashset import hash_file, make_set, read_set

    with house.decoder() as decoder:
        pictures = [hash_file(path, decoder) for path in folder_of(folder, range(1, 2)).iterdir()]
    offered = read_set(make_set([each for each in pictures if not isinstance(each, tuple)]))
    house.people.enrol(ADA, offered.recipe, offered.pictures, utc_now())


def found_in(house: House) -> set[str]:
    house.connect()
    from stores.sql.models import StoredFoundIn

    return set(StoredFoundIn.objects.values_list("site", flat=True))


@pytest.mark.timeout(120)
def test_what_hashes_were_found_in_on_a_site_goes_with_it(tmp_path: Path) -> None:
    with houses.opened(tmp_path / "home") as house:
        protect(house, tmp_path / "hers")
        for name, quality in (("here", 60), ("there", 70)):
            with house.crawl_services(site(name)) as services:
                assert services.examiner.examine(jpeg(drawn(1), quality)).findings
        with house.examiner() as examiner:
            assert examiner.examine(jpeg(drawn(1), 80)).findings
        assert found_in(house) == {"here", "there", ""}

        house.site_book.set_standing("here", Standing.REVOKED, "operator", utc_now())

        assert found_in(house) == {"there", ""}


def test_the_daily_round_forgets_what_was_noted_in_the_very_moment_of_a_revocation(tmp_path: Path) -> None:
    with houses.opened(tmp_path / "home") as house:
        house.site_book.set_standing("here", Standing.REVOKED, "operator", utc_now())
        from stores.sql.models import StoredFoundIn

        for name in ("here", "there", ""):
            StoredFoundIn.objects.create(
                person=ADA,
                ref="r",
                hasher="pdq",
                view="full",
                sha256=name,
                whole="",
                matched="",
                at=utc_now(),
                site=name,
            )

        Clockwork(house, "test", None).forget_seen()

        assert found_in(house) == {"there", ""}


class OneRound(Stop):
    def wait(self, seconds: float) -> bool:
        self._event.set()
        return super().wait(seconds)


def test_a_crawl_worker_empties_the_file_of_its_own_machine(tmp_path: Path) -> None:
    """The scheduler may be on another."""
    with houses.opened(tmp_path / "home") as house:
        house.site_book.set_standing("here", Standing.REVOKED, "operator", utc_now())
        with house.frontier() as frontier:
            for name in ("here", "there"):
                frontier.begin(name, [Found(What.PAGE, "http://127.0.0.1/")], utc_now())

            work_crawls(house, OneRound())

            assert frontier.sites() == ["there"]
