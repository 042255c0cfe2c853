"""Support team: what now? All of it over the last day, so these queries name the window `1d` themselves."""

from .frame import board
from .panels import (
    CALM,
    LINE,
    LOOK,
    QUIET,
    SECOND,
    Column,
    Place,
    Query,
    Reading,
    bar_panel,
    dashed,
    line_panel,
    stat_panel,
    table_panel,
)
from .queries import DAY, SEGMENT, expected, now, trend

NEEDS_DAY = "needs the window 1d"


def _rating(rating: str) -> str:
    return f'rating="{rating}"'


def build():
    by_segment = ("segment",)
    here = (SEGMENT, DAY)

    return board(
        "contact-rate-team",
        "Contact rate / Support team",
        "What now? For those who answer.",
        stat_panel(
            1,
            "How many tickets wait for us",
            Place(0, 0, 4, 4),
            Reading(
                "Active tickets: the next move is the team's.",
                "A count at the last reading, a few minutes old at most.",
                "What your team clears in a day.",
                "Work on the oldest first; see the segments below.",
            ),
            Query(now("contact_open_tickets", SEGMENT, 'status="active"')),
            unit="none",
            decimals=0,
        ),
        stat_panel(
            2,
            "How many wait for the customer",
            Place(4, 0, 4, 4),
            Reading(
                "Pending tickets: the team asked something and waits.",
                "A count at the last reading.",
                "It grows when nobody closes what was never answered.",
                "Once a week, close those that wait for weeks.",
            ),
            Query(now("contact_open_tickets", SEGMENT, 'status="pending"')),
            unit="none",
            decimals=0,
        ),
        stat_panel(
            3,
            "How many came in over the last day",
            Place(8, 0, 4, 4),
            Reading(
                "Tickets created in the last 24 hours.",
                "Compare with the number expected, on the right.",
                "Close to the expected number; twice its square root away is ordinary.",
                "Far above: look for one cause in the subjects, and tell whoever can remove it.",
            ),
            Query(now("contact_created_tickets", *here)),
            unit="none",
            decimals=0,
            no_value=NEEDS_DAY,
        ),
        stat_panel(
            4,
            "How many were to be expected",
            Place(12, 0, 4, 4),
            Reading(
                "Tickets to expect today: the rate of the same weekday of the last four weeks, "
                "times the chosen population today.",
                "The measure for the number on the left.",
                "Weekday and week-end differ; holidays are not known to it.",
                "Use it to plan the day.",
            ),
            Query(expected(now)),
            unit="none",
            decimals=0,
            no_value=NEEDS_DAY,
        ),
        stat_panel(
            5,
            "How long the first answer takes",
            Place(16, 0, 4, 4),
            Reading(
                "Mean time to the first response over the last day.",
                "A mean: one ticket that waited over the week-end moves it.",
                "Hours on a working day.",
                "Longer than usual: answer new tickets before long ones.",
            ),
            Query(now("contact_first_response_mean_seconds", *here)),
            unit="s",
            decimals=1,
            no_value="none answered",
        ),
        stat_panel(
            6,
            "How many ratings were not good",
            Place(20, 0, 4, 4),
            Reading(
                "Customers who rated an answer “not good” in the last day.",
                "A count of people, not a share. Orange from 1.",
                "None on most days.",
                "Read each in Help Scout today, and write back.",
            ),
            Query(now("contact_happiness_ratings", *here, _rating("not_good"))),
            unit="none",
            decimals=0,
            steps=((None, CALM), (1, LOOK)),
            no_value="not known",
        ),
        table_panel(
            7,
            "Where the work is, by segment",
            Place(0, 4, 16, 8),
            Reading(
                "Every segment: what waits, what came in over the last day, and how it went.",
                "One row each; segments may overlap, “all” is every ticket. A dash: not known, or none.",
                "Created near expected in most rows.",
                "Start where most tickets wait for us; orange marks a rating to read.",
            ),
            Column("Segment", label="segment"),
            Column("Wait for us", now("contact_open_tickets", 'status="active"', by=by_segment), decimals=0),
            Column(
                "Oldest waits",
                "time() - " + now("contact_oldest_open_ticket_timestamp_seconds", 'status="active"', by=by_segment),
                unit="s",
                decimals=0,
            ),
            Column(
                "Wait for the customer",
                now("contact_open_tickets", 'status="pending"', by=by_segment),
                decimals=0,
            ),
            Column("Created", now("contact_created_tickets", DAY, by=by_segment), decimals=0),
            Column("Expected", expected(now, by=by_segment), decimals=0),
            Column(
                "First answer",
                now("contact_first_response_mean_seconds", DAY, by=by_segment),
                unit="s",
                decimals=1,
            ),
            Column("Closed", now("contact_closed_tickets", DAY, by=by_segment), decimals=0),
            Column(
                "Not good",
                now("contact_happiness_ratings", DAY, _rating("not_good"), by=by_segment),
                decimals=0,
                steps=((None, CALM), (1, LOOK)),
            ),
            sort="Wait for us",
        ),
        bar_panel(
            8,
            "How customers rated the last day",
            Place(16, 4, 8, 8),
            Reading(
                "Ratings received in the last 24 hours.",
                "Three counts side by side; most customers do not rate.",
                "Great well ahead.",
                "Read the comments of “okay” and “not good” in Help Scout.",
            ),
            Query(now("contact_happiness_ratings", *here, _rating("great")), "great"),
            Query(now("contact_happiness_ratings", *here, _rating("okay")), "okay"),
            Query(now("contact_happiness_ratings", *here, _rating("not_good")), "not good"),
            unit="none",
            decimals=0,
            colors={"great": LINE, "okay": SECOND, "not good": LOOK},
        ),
        line_panel(
            9,
            "How the queue moves",
            Place(0, 12, 12, 8),
            Reading(
                "Tickets that wait for the team and for the customer.",
                "Down by day, up by night, higher after a week-end.",
                "The same height each morning.",
                "Higher each morning: more comes in than goes out. Say so early.",
            ),
            Query(trend("contact_open_tickets", SEGMENT, 'status="active"'), "wait for us"),
            Query(trend("contact_open_tickets", SEGMENT, 'status="pending"'), "wait for the customer"),
            unit="none",
            decimals=0,
            colors={"wait for us": LINE, "wait for the customer": QUIET},
        ),
        dashed(
            line_panel(
                10,
                "How today compares with the same weekday before",
                Place(12, 12, 12, 8),
                Reading(
                    "Tickets created in the 24 hours before each moment; dashed, the number expected for that weekday.",
                    "The gap between the lines is what is unusual.",
                    "The line winds around the dashed one.",
                    "Above it for a whole day: tell the product team what the tickets are about.",
                ),
                Query(trend("contact_created_tickets", *here), "created"),
                Query(expected(trend), "expected"),
                unit="none",
                decimals=0,
                colors={"created": LINE},
            ),
            "expected",
        ),
        variables=("segment", "population"),
        since="now-7d",
        refresh="1m",
    )
