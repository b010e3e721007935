"""Every address of the page."""

from django.urls import path

from web.desk import errors, views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("healthz", views.healthz, name="healthz"),
    path("hits", views.hits, name="hits"),
    path("hits/<str:hit_id>", views.hit, name="hit"),
    path("hits/<str:hit_id>/decision", views.decide, name="decide"),
    path("alerts", views.alerts, name="alerts"),
    path("alerts/<str:alert_id>/acknowledge", views.acknowledge, name="acknowledge"),
    path("cases", views.cases, name="cases"),
    path("cases/<str:case_id>", views.case, name="case"),
    path("cases/<str:case_id>/redraw", views.redraw, name="redraw"),
    path("cases/<str:case_id>/approve", views.approve, name="approve"),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
