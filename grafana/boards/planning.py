"""Planning: how many contacts will come, and can we carry them?"""

from .frame import board
from .panels import (
    ACT,
    CALM,
    LINE,
    LOOK,
    QUIET,
    SECOND,
    THIRD,
    Column,
    Place,
    Query,
    Reading,
    bar_panel,
    line_panel,
    name_panel,
    stat_panel,
    table_panel,
)
from .queries import SEGMENT, now, trend

HORIZONS = (("1w", "coming week"), ("4w", "coming 4 weeks"), ("13w", "coming 13 weeks"))
MONTH = 'horizon="4w"'


def horizon(name: str) -> str:
    return f'horizon="{name}"'


def build():
    by_segment = ("segment",)
    capacity = now("contact_capacity_weekly_tickets", SEGMENT)
    month = now("contact_forecast_weekly_tickets", SEGMENT, MONTH)

    return board(
        "contact-rate-planning",
        "Contact rate / Planning",
        "How many contacts will come, and can we carry them? For those who plan people and releases.",
        stat_panel(
            1,
            "Which week is above capacity",
            Place(0, 0, 6, 5),
            Reading(
                "Monday of the first coming week in which more tickets are expected than the team resolves in a week.",
                "The first coming week is the one after the running week. It looks 13 weeks ahead.",
                "“not in sight”. Before 52 weeks are known it looks 4 weeks ahead only.",
                "A date (orange): move work, hire, or remove a cause of contacts before that week.",
            ),
            Query(f"{now('contact_capacity_reached_timestamp_seconds', SEGMENT)} * 1000"),
            unit="dateTimeFromNow",
            steps=((None, CALM), (0, LOOK)),
            no_value="not in sight",
        ),
        bar_panel(
            2,
            "How many tickets a week, ahead",
            Place(6, 0, 10, 5),
            Reading(
                "Expected tickets created a week, as a mean over each horizon, and the capacity beside them.",
                "Compare each bar with the capacity. Prometheus holds no future: hence bars, and no line.",
                "Bars below the capacity.",
                "A bar above it: see when it is reached, and what ten per cent less would buy.",
            ),
            *(
                Query(now("contact_forecast_weekly_tickets", SEGMENT, horizon(name)), text)
                for name, text in HORIZONS
            ),
            Query(capacity, "capacity"),
            unit="none",
            decimals=0,
            colors={"capacity": QUIET},
        ),
        bar_panel(
            3,
            "How wide the fan is",
            Place(16, 0, 8, 5),
            Reading(
                "The bounds of the same means: nine in ten are to lie inside.",
                "Plan people for the upper bound if a queue is worse than a slack week.",
                "The wider, the more the past weeks surprised.",
                "An upper bound above the capacity: have somebody in reserve.",
            ),
            *(
                Query(now(f"contact_forecast_{side}_weekly_tickets", SEGMENT, horizon(name)), f"{text}, {side}")
                for name, text in HORIZONS
                for side in ("lower", "upper")
            ),
            unit="none",
            decimals=0,
        ),
        line_panel(
            4,
            "What came, and what is expected",
            Place(0, 5, 16, 9),
            Reading(
                "Tickets created in the last 7 days, and the expected week of the coming four with its bounds, as told then.",
                "The fan lies ahead of each moment: compare it with what came some weeks later.",
                "What came stays inside the band, nine weeks in ten.",
                "Above the band for weeks: something changed. Ask the Direction dashboard whether it is growth or the rate.",
            ),
            Query(trend("contact_created_tickets", SEGMENT, 'window="7d"'), "created in 7 days"),
            Query(trend("contact_forecast_weekly_tickets", SEGMENT, MONTH), "expected"),
            Query(trend("contact_forecast_lower_weekly_tickets", SEGMENT, MONTH), "lower"),
            Query(trend("contact_forecast_upper_weekly_tickets", SEGMENT, MONTH), "upper"),
            Query(trend("contact_capacity_weekly_tickets", SEGMENT), "capacity"),
            unit="none",
            decimals=0,
            colors={
                "created in 7 days": QUIET,
                "expected": LINE,
                "lower": THIRD,
                "upper": THIRD,
                "capacity": LOOK,
            },
        ),
        stat_panel(
            5,
            "What a tenth fewer contacts would buy",
            Place(16, 5, 8, 5),
            Reading(
                "Tickets a week saved, and what is left of the capacity, if the contact rate fell by 10 %.",
                "Over the coming four weeks. The command `forecast --rate=-10%` tells it week by week.",
                "A tenth of the expected tickets.",
                "Hold it against the price of the release that would remove those contacts.",
            ),
            Query(f"0.1 * {month}", "saved a week"),
            Query(f"{capacity} - {month}", "left now"),
            Query(f"{capacity} - 0.9 * {month}", "left then"),
            unit="none",
            decimals=0,
            names=True,
            steps=((None, CALM), (-1e9, ACT), (0, CALM)),
        ),
        stat_panel(
            6,
            "How good the forecast has been",
            Place(16, 10, 8, 4),
            Reading(
                "How far off it was over four weeks on average, beside the simplest guess, and how often the band held.",
                "The simplest guess is last week again, or the same week of last year.",
                "Less off than the simplest guess, and about 90 % inside the band.",
                "As far off as the guess: plan with the bounds, and not with the number.",
            ),
            Query(now("contact_forecast_error_ratio", SEGMENT, MONTH), "off by"),
            Query(now("contact_forecast_naive_error_ratio", SEGMENT, MONTH), "simplest guess"),
            Query(now("contact_forecast_coverage_ratio", SEGMENT, MONTH), "inside the band"),
            unit="percentunit",
            decimals=0,
            names=True,
        ),
        table_panel(
            7,
            "Which segment grows over its capacity",
            Place(0, 14, 12, 6),
            Reading(
                "Every segment that is forecast, over the coming four weeks.",
                "A week's tickets, their bounds, the capacity, and how far off such forecasts were.",
                "Expected below capacity in each row.",
                "Move people from a row with room to one without.",
            ),
            Column("Segment", label="segment"),
            Column("Expected", now("contact_forecast_weekly_tickets", MONTH, by=by_segment), decimals=0),
            Column("Lower", now("contact_forecast_lower_weekly_tickets", MONTH, by=by_segment), decimals=0),
            Column("Upper", now("contact_forecast_upper_weekly_tickets", MONTH, by=by_segment), decimals=0),
            Column("Capacity", now("contact_capacity_weekly_tickets", by=by_segment), decimals=0),
            Column(
                "Off by", now("contact_forecast_error_ratio", MONTH, by=by_segment), unit="percentunit", decimals=0
            ),
            sort="Expected",
        ),
        bar_panel(
            8,
            "How many could make contact, ahead",
            Place(12, 14, 8, 6),
            Reading(
                "Each population: its flow a week over the coming four weeks, or its stock at their end.",
                "The denominator of the contact rate to come.",
                "Growth, or the season of the service.",
                "A population that grows brings tickets, however good the product gets.",
            ),
            Query(now("contact_forecast_weekly_population", MONTH, by=("population",)), "{{population}}"),
            unit="none",
            decimals=0,
            colors={"users": SECOND},
        ),
        name_panel(
            9,
            "How the forecast came about",
            Place(20, 14, 4, 6),
            Reading(
                "The way whose past errors were least.",
                "direct: from past tickets. rate_and_population: rate to come times population to come. Else a simple guess.",
                "It may change once a week.",
                "last_value or last_year: nothing better is known of this series.",
            ),
            Query(
                now("contact_forecast_info", SEGMENT, by=("method", "population")), "{{method}} {{population}}"
            ),
        ),
        variables=("planned segment",),
        since="now-90d",
        refresh="15m",
    )
