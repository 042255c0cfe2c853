"""Panels, variables and annotations in the house style, on top of Grafana's Foundation SDK."""

from dataclasses import dataclass

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard as dashboards,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")

# Colours carry meaning only: red and orange mean "act" and "look", everything else is a neutral blue or grey.
ACT = "dark-red"
LOOK = "dark-orange"
CALM = "text"
LINE = "blue"
SECOND = "light-blue"
THIRD = "super-light-blue"
QUIET = "gray"

# Steps begin with a calm colour from minus infinity: Grafana paints "no value" in the first one.
CALM_STEPS = ((None, CALM),)

# Contact rates have no fixed decimals: Grafana then shows three digits that count, for 5.25 % as for 0.0525 %.

# Lines join points up to 25 hours apart: daily backfilled points become a line, longer gaps stay gaps.
LONGEST_JOINED_GAP = 25 * 3600 * 1000


@dataclass(frozen=True)
class Reading:
    """The four parts of every description. Short: it is read in a tooltip."""

    what: str
    read: str
    expect: str
    act: str

    def markdown(self) -> str:
        return (
            f"**What it is.** {self.what}\n\n**How to read it.** {self.read}\n\n"
            f"**What to expect.** {self.expect}\n\n**What to do.** {self.act}"
        )


@dataclass(frozen=True)
class Place:
    """Where a panel stands on Grafana's grid of 24 columns."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True)
class Query:
    """One PromQL query and the name of what it draws."""

    expr: str
    legend: str = "__auto"


@dataclass(frozen=True)
class Column:
    """A column of a table: a query, or a label when `expr` is None. `bar` draws its numbers as bars of that colour."""

    title: str
    expr: str | None = None
    label: str | None = None
    unit: str = "none"
    decimals: int | None = None
    steps: tuple[tuple[float | None, str], ...] | None = None
    texts: dict[str, str] | None = None
    bar: str | None = None


def _letter(index: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[index]


def _target(index: int, query: Query, *, instant: bool, as_table: bool = False):
    target = (
        prometheus.Dataquery()
        .datasource(DATASOURCE)
        .expr(query.expr)
        .legend_format(query.legend)
        .ref_id(_letter(index))
        .format(PromQueryFormat.TABLE if as_table else PromQueryFormat.TIME_SERIES)
    )
    return target.instant() if instant else target.range()


def _dress(panel, number: int, title: str, reading: Reading, place: Place):
    return (
        panel.id(number)
        .title(title)
        .description(reading.markdown())
        .datasource(DATASOURCE)
        .grid_pos(models.GridPos(h=place.h, w=place.w, x=place.x, y=place.y))
    )


def _thresholds(*steps: tuple[float | None, str]):
    return (
        dashboards.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=color) for value, color in steps])
    )


def _texts(texts: dict[str, str]):
    return [
        models.ValueMap(
            options={
                value: models.ValueMappingResult(text=text, index=index)
                for index, (value, text) in enumerate(texts.items())
            }
        )
    ]


def _property(name: str, value: object) -> models.DynamicConfigValue:
    return models.DynamicConfigValue(id_val=name, value=value)


def _fixed(color: str) -> models.DynamicConfigValue:
    return _property("color", {"mode": "fixed", "fixedColor": color})


def stat_panel(
    number,
    title,
    place,
    reading,
    *queries: Query,
    unit,
    decimals=None,
    steps=CALM_STEPS,
    texts=None,
    no_value="unknown",
    names=False,
    overrides=None,
):
    """Present values, large. Instant queries, so that a value which is gone is not shown as if it were present."""
    panel = _dress(stat.Panel(), number, title, reading, place)
    panel = (
        panel.targets([_target(i, query, instant=True) for i, query in enumerate(queries)])
        .unit(unit)
        .no_value(no_value)
        .thresholds(_thresholds(*steps))
        .color_scheme(dashboards.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
        .color_mode(common_models.BigValueColorMode.VALUE)
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .text_mode(common_models.BigValueTextMode.VALUE_AND_NAME if names else common_models.BigValueTextMode.AUTO)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    if texts is not None:
        panel = panel.mappings(_texts(texts))
    for name, properties in (overrides or {}).items():
        panel = panel.override_by_name(name, [_property(key, value) for key, value in properties.items()])
    return panel


def name_panel(number, title, place, reading, query: Query):
    """A stat that shows the query's legend, for metrics whose value is always 1."""
    return stat_panel(number, title, place, reading, query, unit="none").text_mode(common_models.BigValueTextMode.NAME)


def line_panel(
    number,
    title,
    place,
    reading,
    *queries: Query,
    unit,
    decimals=None,
    minimum=0.0,
    colors=None,
    since=None,
    step="5m",
    bars=False,
    logarithmic=False,
):
    """Values over time. `since` pins the panel to a range of its own."""
    panel = _dress(timeseries.Panel(), number, title, reading, place)
    panel = (
        panel.targets([_target(i, query, instant=False) for i, query in enumerate(queries)])
        .unit(unit)
        .interval(step)
        .line_width(2)
        .fill_opacity(0)
        .show_points(common_models.VisibilityMode.AUTO)
        .span_nulls(LONGEST_JOINED_GAP)
        .color_scheme(dashboards.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(
            common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI).sort(common_models.SortOrder.NONE)
        )
    )
    if minimum is not None:
        panel = panel.min(minimum)
    if decimals is not None:
        panel = panel.decimals(decimals)
    if since is not None:
        panel = panel.time_from(since)
    if bars:
        panel = (
            panel.draw_style(common_models.GraphDrawStyle.BARS)
            .fill_opacity(80)
            .line_width(0)
            .stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("bars"))
        )
    if logarithmic:
        panel = panel.scale_distribution(
            common.ScaleDistributionConfig().type(common_models.ScaleDistribution.LOG).log(10)
        )
    for name, color in (colors or {}).items():
        panel = panel.override_by_name(name, [_fixed(color)])
    return panel


def dashed(panel, name: str):
    """Draws a series as the dashed line, which always means "what was to be expected"."""
    return panel.override_by_name(
        name, [_fixed(QUIET), _property("custom.lineStyle", {"fill": "dash", "dash": [8, 6]})]
    )


def banded(panel, upper: str, lower: str):
    """Fills the space between two series: the confidence band."""
    return panel.override_by_name(
        upper,
        [
            _fixed(LINE),
            _property("custom.fillBelowTo", lower),
            _property("custom.fillOpacity", 15),
            _property("custom.lineWidth", 0),
            _property("custom.showPoints", "never"),
        ],
    ).override_by_name(lower, [_fixed(LINE), _property("custom.lineWidth", 0), _property("custom.showPoints", "never")])


def as_line(panel, name: str, color: str):
    """Draws one series of a bar panel as an unstacked line."""
    return panel.override_by_name(
        name,
        [
            _fixed(color),
            _property("custom.drawStyle", "line"),
            _property("custom.fillOpacity", 0),
            _property("custom.lineWidth", 2),
            _property("custom.stacking", {"mode": "none", "group": "line"}),
        ],
    )


def bar_panel(number, title, place, reading, *queries: Query, unit, decimals=None, colors=None):
    """Present values side by side, for comparing."""
    panel = _dress(bargauge.Panel(), number, title, reading, place)
    panel = (
        panel.targets([_target(i, query, instant=True) for i, query in enumerate(queries)])
        .unit(unit)
        .min(0)
        .no_value("unknown")
        .thresholds(_thresholds((None, LINE)))
        .color_scheme(dashboards.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color(LINE))
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    for name, color in (colors or {}).items():
        panel = panel.override_by_name(name, [_fixed(color)])
    return panel


def table_panel(number, title, place, reading, *columns: Column, sort: str, descending: bool = True):
    """Present values by name, one row per label set. Queries of one table keep the same labels, so their rows join."""
    panel = _dress(table.Panel(), number, title, reading, place)
    queried = [column for column in columns if column.expr is not None]
    labels = [column for column in columns if column.expr is None]
    fields = {column.title: f"Value #{_letter(i)}" for i, column in enumerate(queried)}
    fields.update({column.title: column.label for column in labels})
    hidden = ["Time"] + ([] if "job" in fields.values() else ["job"])
    panel = (
        panel.targets(
            [_target(i, Query(column.expr, ""), instant=True, as_table=True) for i, column in enumerate(queried)]
        )
        .unit("none")
        .no_value("–")
        .thresholds(_thresholds(*CALM_STEPS))
        .sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            models.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": dict.fromkeys(hidden, True),
                    "indexByName": {fields[column.title]: i for i, column in enumerate(columns)},
                    "renameByName": {fields[column.title]: column.title for column in columns},
                },
            )
        )
    )
    for column in queried:
        properties = [_property("unit", column.unit)]
        if column.decimals is not None:
            properties.append(_property("decimals", column.decimals))
        if column.steps is not None:
            steps = [{"color": color, "value": value} for value, color in column.steps]
            properties.append(_property("thresholds", {"mode": "absolute", "steps": steps}))
            properties.append(_property("custom.cellOptions", {"type": "color-text"}))
        if column.bar is not None:
            properties.append(_fixed(column.bar))
            properties.append(_property("min", 0))
            properties.append(_property("custom.cellOptions", {"type": "gauge", "mode": "basic"}))
        if column.texts is not None:
            properties.append(_property("mappings", _texts(column.texts)))
        panel = panel.override_by_name(column.title, properties)
    return panel
