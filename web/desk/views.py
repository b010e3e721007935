"""The desk's pages. A GET only reads; each change is a form of its own."""

from datetime import UTC
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from alerts.watching import PASSES
from core.errors import CallError, Conflict, StoreUnavailable, UnknownId
from core.model import AlertStatus, Case, CaseStatus, Decision, Hit, HitQuery, HitStatus
from web.desk.approval import NAME_LENGTH, Approval, approval_of
from web.desk.overview import CLOSED, SEARCH_LIMIT, errands, headline, waiting_work
from web.desk.watching import SIGHTS, watch
from web.desk.words import DECIDED
from web.services import WebServices
from web.serving import SERVICES

REFRESH_S = 15
HITS_A_PAGE = 50
BY = "desk page"  # who decided: there is no sign-in yet that could say it more exactly
SETTLED_AT_ONCE = 100  # hits of a decision whose cases follow before the answer; the desk's worker does the others


def _services(request: HttpRequest) -> WebServices:
    services = request.META[SERVICES]
    assert isinstance(services, WebServices)
    return services


# -------------------------------------------------------------------------------------------------------------- overview


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    services = _services(request)
    now = services.clock()
    sites, faults = services.sites()
    watches = [
        watch(
            site,
            services.site_book.standing(site.name),
            services.site_book.passes(site.name, limit=PASSES),
            now,
            canary=services.canary_book.canary_of(site.name),
            today=services.daily_use.used(site.name, now.astimezone(UTC).date()),
        )
        for site in sites
    ]
    alerts, cases = services.case_book.alerts(), services.case_book.cases()
    waiting = services.outbox.waiting()
    counts, search_fault = _hit_counts(services)
    return render(
        request,
        "desk/overview.html",
        {
            "now": now,
            "refresh_s": None if "still" in request.GET else REFRESH_S,
            "headline": headline(watches, len(faults), now),
            "watches": watches,
            "faults": faults,
            "sights": SIGHTS,
            "errands": errands(counts, alerts, cases, now),
            "counts": counts,
            "many": SEARCH_LIMIT,
            "to_decide": counts.get(HitStatus.CANDIDATE, 0) + counts.get(HitStatus.UNDONE, 0),
            "confirmed": counts.get(HitStatus.CONFIRMED, 0),
            "search_fault": search_fault,
            "new_alerts": sum(alert.status is AlertStatus.NEW for alert in alerts),
            "open_cases": sum(case.status in {CaseStatus.OPEN, CaseStatus.REOPENED} for case in cases),
            "waiting_work": waiting_work(waiting),
            "dead": waiting.get("dead", 0),
        },
    )


def _hit_counts(services: WebServices) -> tuple[dict[HitStatus, int], str]:
    """By status, each up to SEARCH_LIMIT; or why they cannot be counted. The rest of the page does without them."""
    wanted = (HitStatus.CANDIDATE, HitStatus.UNDONE, HitStatus.CONFIRMED)
    try:
        return {
            status: len(services.hit_search.search(HitQuery(status=status, limit=SEARCH_LIMIT))) for status in wanted
        }, ""
    except StoreUnavailable as error:
        return {}, str(error)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """For a supervisor: 200 while the page and the database behind it answer."""
    try:
        _services(request).outbox.waiting()
    except StoreUnavailable:
        return HttpResponse("the database does not answer\n", content_type="text/plain; charset=utf-8", status=503)
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


# ------------------------------------------------------------------------------------------------------------------ hits


@require_safe
def hits(request: HttpRequest) -> HttpResponse:
    services = _services(request)
    asked = {name: request.GET.get(name, "").strip()[:200] for name in ("site", "status", "text")}
    asked["status"] = asked["status"] if asked["status"] in list(HitStatus) else ""
    page = _page_number(request)
    query = HitQuery(
        site=asked["site"] or None,
        status=HitStatus(asked["status"]) if asked["status"] else None,
        text=asked["text"] or None,
        limit=HITS_A_PAGE + 1,  # one more than is shown: is there a next page?
        offset=(page - 1) * HITS_A_PAGE,
    )
    ids, search_fault = _found(services, query)
    filters = {name: value for name, value in asked.items() if value}
    return render(
        request,
        "desk/hits.html",
        {
            "now": services.clock(),
            "hits": services.hit_log.get(ids[:HITS_A_PAGE]),
            "search_fault": search_fault,
            "asked": asked,
            "filtered": bool(filters),
            "sites": _site_names(services, asked["site"]),
            "statuses": list(HitStatus),
            "page": page,
            "newer": f"?{urlencode({**filters, 'page': page - 1})}" if page > 1 else None,
            "older": f"?{urlencode({**filters, 'page': page + 1})}" if len(ids) > HITS_A_PAGE else None,
        },
    )


def _page_number(request: HttpRequest) -> int:
    word = request.GET.get("page", "1")
    return max(1, int(word)) if word.isascii() and word.isdecimal() and len(word) < 6 else 1


def _found(services: WebServices, query: HitQuery) -> tuple[list[str], str]:
    try:
        return list(services.hit_search.search(query)), ""
    except StoreUnavailable as error:
        return [], str(error)


def _site_names(services: WebServices, asked: str) -> list[str]:
    """Those watched now, and the one that was asked for: hits outlive the file of their site."""
    return sorted({site.name for site in services.sites()[0]} | ({asked} if asked else set()))


@require_safe
def hit(request: HttpRequest, hit_id: str) -> HttpResponse:
    services = _services(request)
    shown = _hit(services, hit_id)
    copies, search_fault = _copies(services, shown)
    return render(
        request,
        "desk/hit.html",
        {
            "now": services.clock(),
            "hit": shown,
            "copies": copies,
            "copy_count": len(copies) + 1,
            "search_fault": search_fault,
            "waits": shown.status in {HitStatus.CANDIDATE, HitStatus.UNDONE},
            "rejected": shown.status is HitStatus.REJECTED,
            "confirmed": shown.status is HitStatus.CONFIRMED,
            "distance_x": 1000 * shown.distance // max(1, shown.threshold),
        },
    )


def _hit(services: WebServices, hit_id: str) -> Hit:
    found = services.hit_log.get([hit_id])
    if not found:
        raise UnknownId(f"no hit has the id {hit_id!r}")
    return found[0]


def _copies(services: WebServices, of: Hit) -> tuple[list[Hit], str]:
    """The other hits of the same enrolled picture: one decision holds for all of them."""
    ids, search_fault = _found(services, HitQuery(person=of.person, limit=SEARCH_LIMIT))
    others = services.hit_log.get([each for each in ids if each != of.id])
    return [each for each in others if each.cluster == of.cluster], search_fault


@require_POST
def decide(request: HttpRequest, hit_id: str) -> HttpResponse:
    services = _services(request)
    word = request.POST.get("decision", "")
    if word not in list(Decision):
        messages.error(request, "Nothing was changed: choose confirm, reject or undo.")
        return _see_other("hit", hit_id)
    decision = Decision(word)
    now = services.clock()
    changed = services.hit_log.decide(hit_id, decision, BY, now)
    try:
        for each in changed[:SETTLED_AT_ONCE]:
            services.desk.settle(each.id, now)
        messages.success(request, _outcome(decision, len(changed)))
    except (
        Conflict
    ):  # the desk's worker is at the same case; the decision itself is stored, and its outbox rows bring it there
        messages.success(request, f"{_outcome(decision, len(changed))} Alert and case follow in a moment.")
    return _see_other("hit", hit_id)


def _outcome(decision: Decision, count: int) -> str:
    if count == 0:
        return (
            "There was no decision to take back." if decision is Decision.UNDO else "It was decided that way already."
        )
    return f"{DECIDED[decision]} {'This hit' if count == 1 else f'{count:,} hits'} changed."


# ---------------------------------------------------------------------------------------------------------------- alerts


@require_safe
def alerts(request: HttpRequest) -> HttpResponse:
    services = _services(request)
    listed = sorted(
        services.case_book.alerts(), key=lambda each: (each.status is not AlertStatus.NEW, -each.created.timestamp())
    )
    return render(request, "desk/alerts.html", {"now": services.clock(), "alerts": listed})


@require_POST
def acknowledge(request: HttpRequest, alert_id: str) -> HttpResponse:
    services = _services(request)
    alert = services.desk.acknowledge(alert_id, services.clock())
    messages.success(request, f"The alert about {alert.site} is acknowledged. The next hit raises a new one.")
    return _see_other("alerts")


# ----------------------------------------------------------------------------------------------------------------- cases


@require_safe
def cases(request: HttpRequest) -> HttpResponse:
    services = _services(request)
    listed = sorted(services.case_book.cases(), key=lambda each: (each.status in CLOSED, -each.opened.timestamp()))
    return render(request, "desk/cases.html", {"now": services.clock(), "cases": listed})


@require_safe
def case(request: HttpRequest, case_id: str) -> HttpResponse:
    """As it is stored: letters follow their case by themselves, and are only drawn anew by a form."""
    services = _services(request)
    return _case_page(request, services, services.case_book.case(case_id))


def _case_page(
    request: HttpRequest, services: WebServices, shown: Case, *, refusal: str = "", name: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "now": services.clock(),
        "case": shown,
        "has_details": services.notice_details.details_of(shown.person) is not None,
        "approval": approval_of(shown),
        "refusal": refusal,
        "name": name,
        "name_length": NAME_LENGTH,
    }
    return render(request, "desk/case.html", context, status=status)


@require_POST
def redraw(request: HttpRequest, case_id: str) -> HttpResponse:
    services = _services(request)
    services.desk.redraw(case_id, services.clock())
    messages.success(request, "The letters are as they would leave now.")
    return _see_other("case", case_id)


@require_POST
def approve(request: HttpRequest, case_id: str) -> HttpResponse:
    services = _services(request)
    now = services.clock()
    shown = services.desk.redraw(case_id, now)
    name = " ".join(request.POST.get("by", "").split())
    refusal = _refusal(request, approval_of(shown), name)
    if refusal:
        return _case_page(request, services, shown, refusal=refusal, name=name[:NAME_LENGTH], status=422)
    try:
        services.desk.approve(case_id, name, now, again="again" in request.POST)
    except UnknownId:
        raise
    except CallError as refused:  # something is missing: said in the words of whoever refused
        shown = services.case_book.case(case_id)
        return _case_page(request, services, shown, refusal=f"Nothing was approved. {refused}", name=name, status=422)
    messages.success(request, f"Approved by {name}. It leaves by e-mail as soon as a mail server takes it.")
    return _see_other("case", case_id)


def _refusal(request: HttpRequest, approval: Approval, name: str) -> str:
    if not name:
        return "Nothing was approved. Write your name: it is kept with the approval."
    if len(name) > NAME_LENGTH:
        return f"Nothing was approved. The name is longer than {NAME_LENGTH} characters."
    if request.POST.get("read") != approval.fingerprint:
        return "Nothing was approved. A letter changed after you opened this page: read it again, then approve."
    return ""


def _see_other(name: str, *ids: str) -> HttpResponseRedirect:
    answer = redirect(reverse(name, args=ids))
    answer.status_code = 303  # to be read with GET, whatever was sent
    return answer
