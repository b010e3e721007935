"""The demo's mail server takes what a mail client sends, and keeps it."""

import smtplib
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest

from stillwatch.demo.mail_sink import MailSink


def test_a_letter_arrives_whole_even_with_lines_of_dots() -> None:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "desk@demo.invalid", "takedown@demo.invalid", "Notice, größer"
    letter.set_content("one\n.\n..two\nthree\n")

    with MailSink() as sink:
        port = urlsplit(sink.url).port
        assert port is not None
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.send_message(letter)

        delivered = sink.delivered

    assert len(delivered) == 1
    assert delivered[0].sender == "desk@demo.invalid"
    assert delivered[0].recipients == ("takedown@demo.invalid",)
    assert delivered[0].message["Subject"] == "Notice, größer"
    assert delivered[0].message.get_content().splitlines() == ["one", ".", "..two", "three"]


def test_what_it_does_not_know_it_says() -> None:
    with MailSink() as sink:
        port = urlsplit(sink.url).port
        assert port is not None
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.ehlo()

            assert client.docmd("TURN")[0] == 502
            with pytest.raises(smtplib.SMTPNotSupportedError):
                client.starttls()

        assert sink.delivered == ()
