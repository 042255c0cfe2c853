"""Direction: is it getting better or worse?"""

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
    as_line,
    banded,
    dashed,
    line_panel,
    stat_panel,
    table_panel,
)
from .queries import POPULATION, SEGMENT, TICKETS, WINDOW, now, trend

RATE = (SEGMENT, POPULATION, WINDOW, TICKETS)
TARGET = (POPULATION, WINDOW, TICKETS)


def _rate_lines(number, title, place, reading, since=None, step="5m"):
    panel = line_panel(
        number,
        title,
        place,
        reading,
        Query(trend("contact_rate_upper_ratio", *RATE), "upper bound"),
        Query(trend("contact_rate_lower_ratio", *RATE), "lower bound"),
        Query(trend("contact_rate_ratio", *RATE), "contact rate"),
        Query(trend("contact_rate_baseline_ratio", *RATE), "baseline"),
        Query(trend("contact_rate_target_ratio", *TARGET), "target"),
        unit="percentunit",
        colors={"contact rate": LINE, "target": ACT},
        since=since,
        step=step,
    )
    return dashed(banded(panel, "upper bound", "lower bound"), "baseline")


def _share(kind, rating: str) -> str:
    ratings = ("contact_happiness_ratings", SEGMENT, WINDOW)
    every = kind(*ratings, by=("rating",))
    one = kind(*ratings, f'rating="{rating}"')
    return f"{one} / (sum by (job) ({every}) > 0)"


def build():
    rate = now("contact_rate_ratio", *RATE)
    previous = now("contact_rate_previous_ratio", *RATE)
    baseline = now("contact_rate_baseline_ratio", *RATE)
    every_population = (SEGMENT, WINDOW, TICKETS)
    by_population = ("population",)

    return board(
        "contact-rate-direction",
        "Contact rate / Direction",
        "Is it getting better or worse? For whoever answers for the service.",
        stat_panel(
            1,
            "What the contact rate is now",
            Place(0, 0, 4, 4),
            Reading(
                "Tickets in the window, divided by the population of the same window.",
                "5 % means five tickets for every hundred of the population.",
                "A steady figure. It moves slowly over 28d, quickly over 1d.",
                "Judge it by its trend below, not by one day.",
            ),
            Query(rate),
            unit="percentunit",
        ),
        stat_panel(
            2,
            "How it compares with the window before",
            Place(4, 0, 4, 4),
            Reading(
                "Change of the contact rate against the equal window just before.",
                "+10 % means one tenth higher than before, not ten points.",
                "A few percent either way; more when there are few tickets.",
                "If it is large, see why the ticket count changed, below.",
            ),
            Query(f"{rate} / ({previous} > 0) - 1"),
            unit="percentunit",
            decimals=1,
            no_value="no earlier window",
        ),
        stat_panel(
            3,
            "How it compares with its baseline",
            Place(8, 0, 4, 4),
            Reading(
                "Change against the baseline: up to four earlier windows, fair to weekdays. For created tickets only.",
                "+20 % is the first alert's line, if chance is ruled out too (next panel).",
                "Near 0 %. A small service swings by tens of percent by chance.",
                "Read it together with the next panel.",
            ),
            Query(f"{rate} / ({baseline} > 0) - 1"),
            unit="percentunit",
            decimals=1,
            no_value="no baseline",
        ),
        stat_panel(
            4,
            "How rare such a rise is by chance alone",
            Place(12, 0, 4, 4),
            Reading(
                "Probability of a rise this large over the baseline if nothing had changed. For created tickets only.",
                "Small means a real rise. Orange below 0.3 %, red below 0.03 %, as in the alerts.",
                "Anything from 1 % to 100 %.",
                "Orange or red: look for a cause on the Managers dashboard, by segment.",
            ),
            Query(now("contact_rate_rise_p_value", *RATE)),
            unit="percentunit",
            steps=((None, CALM), (0, ACT), (0.0003, LOOK), (0.003, CALM)),
            no_value="not known",
        ),
        stat_panel(
            5,
            "How much of the target is used up",
            Place(16, 0, 4, 4),
            Reading(
                "Contact rate divided by the operator's target for it.",
                "Red at 100 %: the target is exceeded.",
                "Below 100 %, with room for an ordinary bad week.",
                "Over it for days: agree on a cause to remove, or on another target.",
            ),
            Query(f"{rate} / ({now('contact_rate_target_ratio', *TARGET)} > 0)"),
            unit="percentunit",
            decimals=0,
            steps=((None, CALM), (1, ACT)),
            no_value="no target set",
        ),
        stat_panel(
            6,
            "How many ratings are great",
            Place(20, 0, 4, 4),
            Reading(
                "Share of “great” among the ratings that customers gave in the window.",
                "90 % means nine ratings of ten were great. Few customers rate.",
                "A share that holds while the rate falls.",
                "If it falls with the rate, tickets may be kept away rather than made needless.",
            ),
            Query(_share(now, "great")),
            unit="percentunit",
            decimals=0,
            no_value="no ratings",
        ),
        _rate_lines(
            7,
            "How the contact rate moves, within its 95 % band",
            Place(0, 4, 12, 9),
            Reading(
                "Contact rate with its confidence band, dashed baseline and red target.",
                "A baseline outside the band is a change beyond chance. A wide band means few tickets.",
                "A line that stays in its own earlier band.",
                "When it leaves it upwards, compare the date with the marks of releases and config changes.",
            ),
        ),
        _rate_lines(
            8,
            "How the contact rate moved over the last year",
            Place(12, 4, 12, 9),
            Reading(
                "The same, over twelve months, whatever range is chosen above.",
                "Look at the slope over seasons, not at single days.",
                "As far back as Prometheus keeps data or history was backfilled (docs/history.md).",
                "Rising for a quarter: make it a goal of the product, not of the support team.",
            ),
            since="1y",
            step="1h",
        ),
        as_line(
            line_panel(
                9,
                "Why the ticket count changed: population or rate",
                Place(0, 13, 8, 7),
                Reading(
                    "Change of the ticket count against the window before, split exactly into two causes.",
                    "“Population”: more people to serve. “Rate”: each of them writes more. The line is the sum.",
                    "Mostly population while the service grows.",
                    "Population: plan for more support. Rate: look for what went wrong.",
                ),
                Query(trend("contact_tickets_change", *RATE, 'cause="population"'), "population"),
                Query(trend("contact_tickets_change", *RATE, 'cause="rate"'), "rate"),
                Query(
                    f"sum by (job) ({trend('contact_tickets_change', *RATE, by=('cause',))})",
                    "change",
                ),
                unit="none",
                decimals=0,
                minimum=None,
                colors={"population": THIRD, "rate": LINE},
                bars=True,
                step="1d",
            ),
            "change",
            QUIET,
        ),
        table_panel(
            10,
            "Which population has the highest rate",
            Place(8, 13, 9, 7),
            Reading(
                "Every population of the config beside the others, for the chosen segment, window and tickets.",
                "One row each. Lower and upper are the 95 % bounds; red is over the target.",
                "Rates of different populations differ by nature: compare each with its own past.",
                "Choose the population at the top of the page to see its history.",
            ),
            Column("Population", label="population"),
            Column("Rate", now("contact_rate_ratio", *every_population, by=by_population), unit="percentunit"),
            Column("Lower", now("contact_rate_lower_ratio", *every_population, by=by_population), unit="percentunit"),
            Column("Upper", now("contact_rate_upper_ratio", *every_population, by=by_population), unit="percentunit"),
            Column(
                "Before",
                now("contact_rate_previous_ratio", *every_population, by=by_population),
                unit="percentunit",
            ),
            Column(
                "Of target",
                f"{now('contact_rate_ratio', *every_population, by=by_population)}"
                f" / ({now('contact_rate_target_ratio', WINDOW, TICKETS, by=by_population)} > 0)",
                unit="percentunit",
                decimals=0,
                steps=((None, CALM), (1, ACT)),
            ),
            sort="Rate",
        ),
        line_panel(
            11,
            "How happiness moves beside the rate",
            Place(17, 13, 7, 7),
            Reading(
                "Shares of the ratings given in the window: great, okay, not good.",
                "They add up to 100 %. Few ratings make jumpy lines.",
                "Stable shares while the contact rate falls.",
                "Rate down and “not good” up: contact got harder, not needless. Check the way to support.",
            ),
            Query(_share(trend, "great"), "great"),
            Query(_share(trend, "okay"), "okay"),
            Query(_share(trend, "not_good"), "not good"),
            unit="percentunit",
            decimals=0,
            colors={"great": LINE, "okay": SECOND, "not good": LOOK},
        ),
        variables=("segment", "population", "window", "tickets"),
        since="now-90d",
        refresh="5m",
    )
