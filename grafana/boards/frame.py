"""What the dashboards share: variables, annotations, links and the frame around the panels."""

from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.models import dashboard as models

from .panels import DATASOURCE
from .queries import SCOPE, select

TAG = "contact-rate"


def _all_option(several: bool) -> models.VariableOption:
    text, value = "All", "$__all"
    return models.VariableOption(selected=True, text=[text] if several else text, value=[value] if several else value)


def _datasource():
    return dashboards.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _query(name: str, label: str, query: str):
    return (
        dashboards.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query(query)
        # On every change of the range: a segment that existed last year is offered when last year is shown.
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )


def _several(name: str, label: str, query: str):
    return _query(name, label, query).multi(True).include_all(True).all_value(".+").current(_all_option(several=True))


def _one(name: str, label: str, query: str, first: str | None = None):
    variable = _query(name, label, query).multi(False).include_all(False)
    if first is None:
        return variable
    return variable.current(models.VariableOption(selected=True, text=first, value=first))


def _segment():
    # "All" stands for the segment `all`, which has no filter; it is not the sum of the others, which may overlap.
    return (
        _query("segment", "Segment", f"label_values({select('contact_created_tickets')}, segment)")
        .regex("/^(?!all$).*/")
        .multi(False)
        .include_all(True)
        .all_value("all")
        .current(_all_option(several=False))
    )


VARIABLES = {
    "datasource": _datasource,
    "job": lambda: _several("job", "Job", "label_values(contact_exporter_build_info, job)"),
    "instance": lambda: _several(
        "instance", "Instance", 'label_values(contact_exporter_build_info{job=~"$job"}, instance)'
    ),
    "segment": _segment,
    # Only those that are forecast.
    "planned segment": lambda: _one(
        "segment", "Segment", f"label_values({select('contact_forecast_weekly_tickets')}, segment)", "all"
    ),
    "population": lambda: _one("population", "Population", f"label_values({select('contact_rate_ratio')}, population)"),
    "window": lambda: _one("window", "Window", f"label_values({select('contact_rate_ratio')}, window)", "7d").sort(
        models.VariableSort.NUMERICAL_ASC
    ),
    "tickets": lambda: _one("tickets", "Tickets", f"label_values({select('contact_rate_ratio')}, tickets)", "created"),
    # A metric of the operator's own. The exporter's is the default because it is always there.
    "release": lambda: (
        dashboards.TextBoxVariable("release")
        .label("Release metric")
        .default_value("contact_exporter_build_info")
        .current(models.VariableOption(text="contact_exporter_build_info", value="contact_exporter_build_info"))
    ),
}


class _Variable:
    """Leaves out the SDK's placeholder `id`, the same for every variable: Grafana knows them by name."""

    def __init__(self, name: str) -> None:
        self._model = VARIABLES[name]().build()

    def build(self) -> "_Variable":
        return self

    def to_json(self) -> dict[str, object]:
        return {key: value for key, value in self._model.to_json().items() if key != "id"}


class _PrometheusAnnotation(models.AnnotationQuery):
    """Adds the keys of Prometheus annotations that the SDK's model lacks: what the mark says."""

    title_format: str = ""
    text_format: str = ""

    def to_json(self) -> dict[str, object]:
        return super().to_json() | {
            "titleFormat": self.title_format,
            "textFormat": self.text_format,
            "step": "60s",
            "useValueForTime": False,
        }


class _Annotation:
    def __init__(self, name: str, color: str, expr: str, title: str, text: str) -> None:
        self._query = _PrometheusAnnotation(
            name=name, datasource=DATASOURCE, enable=True, hide=False, icon_color=color, expr=expr
        )
        self._query.title_format = title
        self._query.text_format = text

    def build(self) -> models.AnnotationQuery:
        return self._query


def _annotations() -> list[_Annotation]:
    return [
        _Annotation(
            "Config changes",
            "purple",
            f"max by (job) (changes(contact_exporter_config_hash{{{SCOPE}}}[$__rate_interval])) > 0",
            "What is counted changed",
            "Windows, segments, populations or their queries differ from here on ({{job}}). "
            "Compare numbers on the same side of this mark.",
        ),
        # A version that runs now and did not run at any time in the day before the step.
        _Annotation(
            "Releases",
            "green",
            "count by (version) (${release})"
            " unless count by (version) (last_over_time(${release}[1d] offset $__interval))",
            "Release {{version}}",
            "First seen here, by ${release}.",
        ),
    ]


def board(
    uid: str, title: str, description: str, *panels, variables: tuple[str, ...], since: str, refresh: str
) -> models.Dashboard:
    """A whole dashboard. No `id` and no `version`: both belong to the Grafana that loads it."""
    frame = (
        dashboards.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .readonly()
        .timezone("browser")
        .time(since, "now")
        .refresh(refresh)
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .variables([_Variable(name) for name in ("datasource", "job", "instance", *variables, "release")])
        .annotations(_annotations())
        .links(
            [
                dashboards.DashboardLink("Contact rate")
                .type(models.DashboardLinkType.DASHBOARDS)
                .tags([TAG])
                .as_dropdown(False)
                .include_vars(True)
                .keep_time(False)
                .target_blank(False)
            ]
        )
    )
    for panel in panels:
        frame = frame.with_panel(panel)
    return frame.build()
