"""The people protected: hashing on their own device, enrolment, withdrawal, and checking local files."""

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from core.errors import CallError, UnknownId
from core.model import Examination, PersonId, PersonState, State, rfc3339
from core.ports import Examiner
from stillwatch.commands.sweeping import post_sweep, refs_of, summary, sweep_posted
from stillwatch.lines import scan_line
from stillwatch.output import counter, json_line, line, say
from stillwatch.wiring import House, utc_now
from stillwatch.withdrawing import withdraw as withdraw_person

ELSEWHERE_UNDER_18 = (
    "Pictures of somebody who was under 18 are not enrolled here, for their own protection.\n"
    "Help that is made for this, free and without a name:\n"
    "  Take It Down, all countries      https://takeitdown.ncmec.org\n"
    "  Report Remove, United Kingdom    https://www.childline.org.uk (search: Report Remove)"
)

LOCAL_REVEALS = (
    "You chose to add corners. They help to find copies of which only a part is left: a crop, a collage, a screenshot.\n"
    "They also say more than hashes do: somebody who got hold of them could guess rough outlines of a picture. So they are kept\n"
    "sealed, are opened only in the memory of the program that compares, and are never passed on. You can take them back at any\n"
    "moment with `stillwatch person forget-local` and stay protected by the hashes."
)

STORED = "The enrolment is stored"

MAX_FILE_BYTES = 64 * 2**20

person = typer.Typer(help="What notices need to know of a person.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.command("hash")(hash_pictures)
    app.command("enrol")(enrol)
    app.add_typer(person, name="person")
    app.command("withdraw")(withdraw)
    app.command("scan")(scan)


# ----------------------------------------------------------------------------------------------------------------- hash


def hash_pictures(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Pictures, or folders of them.")],
    output: Annotated[Path, typer.Option(metavar="SET.json", help="Where the hash set is written.")],
    local: Annotated[
        bool,
        typer.Option(
            "--local",
            help="Add corners: finds more of the copies of which only a part is left, and says more about the pictures.",
        ),
    ] = False,
) -> None:
    """Hash pictures on this machine.

    Opens no network connection. The set holds no picture, no file name and no path: only hashes, which cannot be shown as a picture.
    Treat it as private all the same.
    """
    from matcher.decode.decoder import Decoder
    from matcher.hashset import hash_file, make_set

    if local:
        say(LOCAL_REVEALS)
    files = list(_files(paths))
    pictures = []
    with Decoder(children=min(4, os.cpu_count() or 1)) as decoder:
        for number, path in enumerate(files, 1):
            outcome = hash_file(path, decoder, local=local)
            if isinstance(outcome, tuple):
                state, reason = outcome
                say(f"{path}: not hashed ({state.value}): {reason}")
            else:
                pictures.append(outcome)
            counter(f"{number} of {len(files)} hashed")
    counter("")
    if not pictures:
        say("No picture could be hashed; nothing was written.")
        raise typer.Exit(1)
    _write_privately(output, make_set(pictures))
    say(f"{len(pictures)} of {len(files)} pictures hashed into {output}. No picture, name or path is in it.")


def _write_privately(path: Path, text: str) -> None:
    """Hashes are as private as the pictures: only the owner may read the file, and it is there whole or not at all."""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:  # mode 0600
            file.write(text)
        Path(file.name).replace(path)
    except OSError as error:
        raise CallError(f"{path} cannot be written ({error.strerror})") from error


def _files(paths: list[Path]) -> Iterator[Path]:
    """Every file that is named or lies below a named folder, in a steady order; links to folders are not followed."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            yield from (Path(folder, name) for name in sorted(names))


# ---------------------------------------------------------------------------------------------------------------- enrol


def enrol(
    hash_set: Annotated[
        Path,
        typer.Argument(metavar="SET.json", help="What `stillwatch hash` wrote, or a list of PDQ hashes, one a line."),
    ],
    person_id: Annotated[
        str | None, typer.Option("--person", metavar="ID", help="An id of your choice; a random one by default.")
    ] = None,
    attested: Annotated[
        bool,
        typer.Option(
            help="For scripts: the person has attested to be 18 or older, in every picture too, and to be shown in them."
        ),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One line: person, receipt, enrolled, refused, marked, swept.")
    ] = False,
) -> None:
    """Protect a person: store the hashes of their pictures, and look through what the crawler has seen before."""
    from matcher.hashset import read_set
    from stillwatch.collisions import reach_less, weighed

    try:
        text = hash_set.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CallError(
            f"{hash_set} cannot be read as a hash set ({error.__class__.__name__}); make one with: stillwatch hash"
        ) from error
    offered = read_set(text)
    if not attested:
        _attest()
    house = House.open()
    who = PersonId(person_id if person_id is not None else secrets.token_hex(8))
    _check_person_id(who)
    offered, marked = weighed(house.seen_store, offered)
    now = utc_now()
    refused = list(offered.refused)
    new: list[str] = []
    sweep = post_sweep(house, who, refs_of(who, offered.pictures), now)
    if offered.pictures:
        new = list(house.people.enrol(who, offered.recipe, offered.pictures, now))
        refused += [(each.ref, "enrolled already") for each in offered.pictures if each.ref not in set(new)]
        marked = {ref: marked[ref] for ref in new if ref in marked}
        reach_less(house.people, who, offered.pictures, marked)
        house.announce_hashes()
        house.desk.settle_person(who, now)  # somebody who comes back finds their case open again
    known = house.people.state(who) is PersonState.PROTECTED
    receipt = (
        house.receipt_key.sign({"act": "enrol", "person": who, "pictures": str(len(new)), "at": rfc3339(now)})
        if known
        else None
    )
    if json:
        json_line(
            {
                "person": str(who) if known else None,
                "receipt": receipt,
                "enrolled": len(new),
                "refused": [{"ref": ref, "reason": reason} for ref, reason in refused],
                "marked": [{"ref": ref, "reason": reason} for ref, reason in marked.items()],
                "swept": sweep_posted(house, sweep, STORED).fields(),
            }
        )
    else:
        for ref, reason in refused:
            say(f"{ref}: refused: {reason}")
        for ref, reason in marked.items():
            say(f"{ref}: {reason}")
        say(f"{len(new)} pictures enrolled, {len(refused)} refused.")
        if known:
            line(f"person   {who}")
            line(f"receipt  {receipt}")
            say("Keep both: the id is needed to withdraw, which is possible at any moment.")
            say(f"What was seen before: {summary(sweep_posted(house, sweep, STORED))}.")
    if not offered.pictures:
        raise typer.Exit(1)


def _attest() -> None:
    if not sys.stdin.isatty():
        raise CallError(
            "the person must attest to be an adult and to be shown in the pictures; in a script say so with --attested"
        )
    if not typer.confirm("Were you 18 or older in every one of these pictures, and are you now?", err=True):
        say(ELSEWHERE_UNDER_18)
        raise typer.Exit(2)
    if not typer.confirm("Are you the person shown in them?", err=True):
        say("Only the person shown can enrol pictures. A counsellor can help: see the README.")
        raise typer.Exit(2)


def _check_person_id(who: PersonId) -> None:
    if not 1 <= len(who) <= 64 or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in who):
        raise CallError("--person takes 1 to 64 letters, digits, '-', '_' or '.'; choose an id that is not a name")


# -------------------------------------------------------------------------------------------------- details, withdrawal


@person.command("set")
def set_person(
    person_id: Annotated[str, typer.Argument(metavar="PERSON")],
    notice_details: Annotated[
        Path,
        typer.Option(
            metavar="FILE.toml", help="name, contact, capacity, statement, signed_at. Stored apart from the hashes."
        ),
    ],
) -> None:
    """What a notice must carry about a person: name, contact, capacity, statement, signed_at."""
    from config.notice_details import read_notice_details

    house = House.open()
    who = PersonId(person_id)
    _require_protected(house, who)
    house.notice_details.put(who, read_notice_details(notice_details))
    case = house.case_book.case_of(who)
    if case is not None:
        house.desk.redraw(case.id, utc_now())
    say("Stored. The drafts of this person's case were drawn anew.")


@person.command("forget-local")
def forget_local(
    person_id: Annotated[str, typer.Argument(metavar="PERSON")],
    json: Annotated[bool, typer.Option("--json", help="One line: person, forgotten.")] = False,
) -> None:
    """Take back the choice to have corners kept: they are deleted, of all pictures of a person. The hashes stay."""
    house = House.open()
    forgotten = house.people.drop_local(PersonId(person_id))
    house.announce_hashes()
    if json:
        json_line({"person": person_id, "forgotten": forgotten})
        return
    say(f"Done. The corners of {forgotten} pictures are deleted; the person stays protected by their hashes.")


def _require_protected(house: House, who: PersonId) -> None:
    if house.people.state(who) is not PersonState.PROTECTED:
        raise UnknownId("no protected person has this id; it is the one that `stillwatch enrol` printed")


def withdraw(
    person_id: Annotated[str, typer.Argument(metavar="PERSON")],
    json: Annotated[bool, typer.Option("--json", help="One line: person, receipt.")] = False,
) -> None:
    """Stop watching for a person. From this moment no hit of theirs is taken, and their hashes are deleted."""
    house = House.open()
    who = PersonId(person_id)
    now = utc_now()
    withdraw_person(house, {who: now})
    receipt = house.receipt_key.sign({"act": "withdraw", "person": who, "at": rfc3339(now)})
    if json:
        json_line({"person": str(who), "receipt": receipt})
        return
    line(f"receipt  {receipt}")
    say(
        "Done. Nothing is watched for this person any more, their hashes are deleted, and no drafted notice will leave."
    )


# ----------------------------------------------------------------------------------------------------------------- scan


def scan(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="Pictures, WARC or WACZ archives, or folders of them.")
    ],
    json: Annotated[bool, typer.Option("--json", help="One JSON object a file.")] = False,
) -> None:
    """Check local files against the enrolled hashes. Nothing is fetched; every file ends in one named state."""
    house = House.open()
    taken = 0
    if house.enrolled_hashes.count() == 0:
        say(
            "Nobody is enrolled, so nothing can be compared: no file will be called clear. Enrol first: stillwatch enrol SET.json"
        )
    with house.examiner() as examiner:
        for path in _files(paths):
            examination = _examine(path, examiner)
            taken += examination.state is not State.UNREADABLE
            fields = scan_line(str(path), examination)
            if json:
                json_line(fields)
            else:
                people = ", ".join(
                    f"{f.match.enrolment.person} ({f.tier.value}, {f.match.distance} bits)"
                    for f in examination.findings
                )
                line(f"{examination.state.value:12} {path}  {people or examination.reason}".rstrip())
    if taken == 0:
        say("No file could be read.")
        raise typer.Exit(1)


def _examine(path: Path, examiner: Examiner) -> Examination:
    from matcher.archive import examine_archive, is_archive

    try:
        if is_archive(path) and path.is_file():
            return examine_archive(path, examiner)
        if not path.is_file():
            reason = "there is no such file" if not path.exists() else "not a regular file"
            return Examination(sha256="", state=State.UNREADABLE, reason=reason)
        if path.stat().st_size > MAX_FILE_BYTES:
            return Examination(sha256="", state=State.TOO_LARGE, reason=f"more than {MAX_FILE_BYTES // 2**20} MiB")
        return examiner.examine(path.read_bytes())
    except OSError as error:
        return Examination(sha256="", state=State.UNREADABLE, reason=f"the system refused: {error.strerror}")
