import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from alerts.channels import BODY, SUBJECT, TROUBLE_BODY, TROUBLE_SUBJECT, Channels
from core.errors import ConfigError, NotDelivered
from core.model import Topic, Trouble, TroubleKind
from tests.alerts.facts import ANN, DETAILS, Room, hit
from tests.alerts.sink import Sink


@dataclass
class Hook:
    """A web hook that keeps what it is told; a path with "broken" in it answers 500."""

    port: int = 0
    told: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    def url(self, path: str = "desk") -> str:
        return f"json://127.0.0.1:{self.port}/{path}"


@pytest.fixture
def hook() -> Iterator[Hook]:
    kept = Hook()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            kept.told.append((self.path, dict(self.headers), body))
            self.send_response(500 if "broken" in self.path else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        kept.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


def alerted_room() -> Room:
    room = Room(tell_channels=True)
    room.found(hit(1))
    room.found(hit(2))
    return room


def channels(room: Room, *urls: str, tag: str = "desk") -> Channels:
    return Channels(urls, tag, room.store.case_book, room.store.outbox, room.store.trouble_book)


def test_an_alert_is_told_once(hook: Hook) -> None:
    room = alerted_room()

    told = channels(room, hook.url())

    assert told.work(room.later()) == 1
    assert told.work(room.later()) == 0
    assert channels(room, hook.url()).work(room.later(10**6)) == 0
    assert len(hook.told) == 1


def test_what_is_told_says_nothing_but_that_there_is_something(hook: Hook) -> None:
    room = alerted_room()
    channels(room, hook.url()).work(room.later())

    (_, headers, body) = hook.told[0]
    said = json.loads(body)
    (alert,) = room.alerts()
    assert (said["title"], said["message"]) == (SUBJECT, BODY.format(alert=alert.id))
    assert said["attachments"] == []
    everything = (body + json.dumps(headers)).lower().replace(f"127.0.0.1:{hook.port}", "")
    for kept in (
        ANN,
        DETAILS.name,
        hit(1).id,
        hit(1).sha256,
        "http",
        "gallery",
        "ref-1",
        "apprise",
        "image",
        "picture",
    ):
        assert kept.lower() not in everything.replace(alert.id, "").replace("rfc2822", "")


def test_a_mail_channel_says_no_more(hook: Hook) -> None:
    room = alerted_room()
    with Sink() as sink:
        url = f"mailto://127.0.0.1:{sink.port}?mode=insecure&from=desk@watch.example&to=team@watch.example"
        channels(room, url).work(room.later())

        (message,) = sink.messages
    raw = sink.received[0].decode()
    assert message["Subject"] == SUBJECT
    assert "Apprise" not in raw
    assert "github" not in raw
    assert "gallery" not in raw
    assert ANN not in raw
    assert not list(message.iter_attachments())


def test_only_channels_of_the_tag_are_told(hook: Hook) -> None:
    room = alerted_room()

    channels(room, hook.url("untagged"), f"night,desk={hook.url('both')}", f"night={hook.url('night')}").work(
        room.later()
    )

    assert sorted(path for path, _, _ in hook.told) == ["/both", "/untagged"]


def test_a_tag_that_no_channel_has_is_an_error_and_loses_nothing(hook: Hook) -> None:
    room = alerted_room()

    with pytest.raises(NotDelivered, match="no channel has the tag 'desk'"):
        channels(room, f"night={hook.url()}").work(room.later())

    assert not hook.told
    assert channels(room, hook.url()).work(room.later(3600)) == 1


def test_a_channel_that_does_not_answer_is_tried_again_later(hook: Hook) -> None:
    room = alerted_room()

    assert channels(room, hook.url("broken")).work(room.later()) == 0
    assert room.waiting(Topic.CHANNEL) == 1
    assert channels(room, hook.url()).work(room.later(1)) == 0
    assert channels(room, hook.url()).work(room.later(3600)) == 1


def test_one_channel_that_works_is_enough(hook: Hook) -> None:
    room = alerted_room()

    assert channels(room, hook.url(), hook.url("broken")).work(room.later()) == 1
    assert room.waiting(Topic.CHANNEL) == 0


@pytest.mark.parametrize("seen", ["acknowledged", "withdrawn"])
def test_an_alert_that_waits_for_nobody_any_more_is_not_told(seen: str, hook: Hook) -> None:
    room = alerted_room()
    if seen == "acknowledged":
        room.desk.acknowledge(room.alerts()[0].id, room.later())
    else:
        room.store.people.withdraw(ANN, room.later())
        room.desk.work(room.now)

    channels(room, hook.url()).work(room.later())

    assert not hook.told
    assert room.waiting(Topic.CHANNEL) == 0


@pytest.mark.parametrize("url", ["nonsense", "nothing://hunter2@host", "json://", "slack://hunter2"])
def test_a_url_that_is_none_is_named_by_its_place_and_never_shown(
    url: str, hook: Hook, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)

    with pytest.raises(ConfigError, match="channel 2 of 2") as caught:
        channels(Room(), hook.url(), url)

    shown = str(caught.value) + caplog.text + "".join(capfd.readouterr())
    assert "hunter2" not in shown
    assert "nonsense" not in shown


def test_what_is_told_leaves_no_url_in_the_log(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    room = alerted_room()

    channels(room, hook.url("broken-hunter2")).work(room.later())

    assert "hunter2" not in caplog.text


def test_without_channels_nothing_is_done() -> None:
    room = Room()

    assert channels(room).work(room.later()) == 0


def test_what_keeps_a_site_from_being_watched_is_told_by_its_reference_alone(hook: Hook) -> None:
    room = Room(tell_channels=True)
    trouble = Trouble(
        id="4f2a", site="gallery", kind=TroubleKind.NO_PICTURES, reason="Nothing was met.", since=room.now
    )
    room.store.trouble_book.begin(trouble, [(Topic.TROUBLE, trouble.id)])

    told = channels(room, hook.url())

    assert told.work(room.later()) == 1
    assert told.work(room.later()) == 0
    said = json.loads(hook.told[0][2])
    assert (said["title"], said["message"]) == (TROUBLE_SUBJECT, TROUBLE_BODY.format(trouble="4f2a"))
    assert "gallery" not in hook.told[0][2]


def test_what_has_recovered_before_it_was_told_is_not_told(hook: Hook) -> None:
    room = Room(tell_channels=True)
    trouble = Trouble(id="4f2a", site="gallery", kind=TroubleKind.WALLED, reason="A wall.", since=room.now)
    room.store.trouble_book.begin(trouble, [(Topic.TROUBLE, trouble.id)])
    room.store.trouble_book.end("gallery", TroubleKind.WALLED)

    assert channels(room, hook.url()).work(room.later()) == 1
    assert hook.told == []
