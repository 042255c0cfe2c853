"""Managers: where and why?"""

from .frame import board
from .panels import (
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
    stat_panel,
    table_panel,
)
from .queries import CREATED, POPULATION, SEGMENT, TICKETS, WINDOW, now, population, trend


def build():
    every_segment = (POPULATION, WINDOW, TICKETS)
    created = (POPULATION, WINDOW, CREATED)
    by_segment = ("segment",)
    rate = now("contact_rate_ratio", *every_segment, by=by_segment)
    previous = now("contact_rate_previous_ratio", *every_segment, by=by_segment)
    rate_created = now("contact_rate_ratio", *created, by=by_segment)
    baseline = now("contact_rate_baseline_ratio", *created, by=by_segment)
    here = (SEGMENT, WINDOW)
    by_reason = ("reason", "window")
    reasons = now("contact_reason_tickets", by=by_reason)
    reasons_before = now("contact_reason_previous_tickets", by=by_reason)

    def visits(family, *matchers):
        return trend(f"contact_help_center_{family}", WINDOW, *matchers)

    return board(
        "contact-rate-managers",
        "Contact rate / Managers",
        "Where do contacts come from, and why? For those who run support and product.",
        table_panel(
            1,
            "Which segment the contacts come from",
            Place(0, 0, 17, 7),
            Reading(
                "Every segment of the config beside the others, for the chosen population and window.",
                "Segments may overlap: “all” is every ticket, not their sum. Chance: that of a rise this large.",
                "A few segments make most tickets; the same ones each week.",
                "Start with a segment of many tickets, a rise over its baseline and a small chance (orange).",
            ),
            Column("Segment", label="segment"),
            Column("Created", now("contact_created_tickets", WINDOW, by=by_segment), decimals=0),
            Column("Rate", rate, unit="percentunit"),
            Column("On window before", f"{rate} / ({previous} > 0) - 1", unit="percentunit", decimals=0),
            Column("On baseline", f"{rate_created} / ({baseline} > 0) - 1", unit="percentunit", decimals=0),
            Column(
                "Chance",
                now("contact_rate_rise_p_value", *created, by=by_segment),
                unit="percentunit",
                steps=((None, CALM), (0, LOOK), (0.003, CALM)),
            ),
            Column(
                "Open",
                f"sum by (job, segment) ({now('contact_open_tickets', by=('segment', 'status'))})",
                decimals=0,
            ),
            Column(
                "One reply enough",
                now("contact_resolved_on_first_reply_ratio", WINDOW, by=by_segment),
                unit="percentunit",
                decimals=0,
            ),
            Column("Day noise", now("contact_tickets_dispersion_ratio", by=by_segment), decimals=1),
            sort="Created",
        ),
        bar_panel(
            2,
            "How the rate differs by window",
            Place(17, 0, 7, 7),
            Reading(
                "The same rate over each window of the config.",
                "For a flow (dossiers) windows compare as they are. For a stock (users) a longer window holds more.",
                "Flow: bars of like length. A long shortest bar is a rise of the last days.",
                "Short window well above the long one: ask the Support team dashboard what happened today.",
            ),
            Query(now("contact_rate_ratio", SEGMENT, POPULATION, TICKETS, by=("window",)), "{{window}}"),
            unit="percentunit",
        ),
        line_panel(
            3,
            "Whether answers keep up with contacts",
            Place(0, 7, 8, 7),
            Reading(
                "Tickets created, closed, and resolved (closed with a reply) in the window.",
                "Created above closed: the queue grows. Closed above resolved: closed with no reply.",
                "Created and closed close together over 7d and more.",
                "A gap that lasts a week needs people, hours or fewer contacts.",
            ),
            Query(trend("contact_created_tickets", *here), "created"),
            Query(trend("contact_closed_tickets", *here), "closed"),
            Query(trend("contact_resolved_tickets", *here), "resolved"),
            unit="none",
            decimals=0,
            colors={"created": LINE, "closed": QUIET, "resolved": SECOND},
        ),
        line_panel(
            4,
            "How many tickets wait, and for whom",
            Place(8, 7, 8, 7),
            Reading(
                "Open tickets: active ones wait for the team, pending ones for the customer.",
                "A level, not a window: the number waiting at each moment.",
                "A saw-tooth over the week with no slope.",
                "Active rising for days: take people from other work, or close what is answered.",
            ),
            Query(trend("contact_open_tickets", SEGMENT, 'status="active"'), "wait for us"),
            Query(trend("contact_open_tickets", SEGMENT, 'status="pending"'), "wait for the customer"),
            unit="none",
            decimals=0,
            colors={"wait for us": LINE, "wait for the customer": QUIET},
        ),
        line_panel(
            5,
            "How many could have made contact: $population",
            Place(16, 7, 8, 7),
            Reading(
                "The chosen population: its size, or what came in during the window.",
                "The denominator of the contact rate.",
                "Growth, or the seasons of the service.",
                "A sudden jump is a change of the data or of the query: check before believing the rate.",
            ),
            Query(population(trend), "$population"),
            unit="none",
            decimals=0,
            colors={"$population": LINE},
        ),
        line_panel(
            6,
            "How long customers wait, by stage",
            Place(0, 14, 8, 6),
            Reading(
                "Mean time to the first response, to any response and to the resolution; and handling time.",
                "The scale is logarithmic: one step up is ten times longer. Means, so a few long cases weigh a lot.",
                "Level lines; nights and week-ends count unless Help Scout knows your office hours.",
                "First response rising: too few people at the right hours. Resolution alone: hard cases.",
            ),
            Query(trend("contact_first_response_mean_seconds", *here), "first response"),
            Query(trend("contact_response_mean_seconds", *here), "response"),
            Query(trend("contact_resolution_mean_seconds", *here), "resolution"),
            Query(trend("contact_handle_mean_seconds", *here), "handling"),
            unit="s",
            decimals=1,
            minimum=None,
            logarithmic=True,
            colors={"first response": LINE, "response": SECOND, "resolution": QUIET, "handling": THIRD},
        ),
        line_panel(
            7,
            "How often one reply is enough",
            Place(8, 14, 8, 6),
            Reading(
                "Share of resolved tickets that were resolved on the first reply.",
                "60 % means six of ten needed a single answer.",
                "A level that depends on the subject; its changes matter.",
                "Falling: look for a new kind of question, and write the answer once, in the help pages.",
            ),
            Query(trend("contact_resolved_on_first_reply_ratio", *here), "on the first reply"),
            unit="percentunit",
            decimals=0,
            colors={"on the first reply": LINE},
        ),
        line_panel(
            8,
            "How much writing the contacts cause",
            Place(16, 14, 8, 6),
            Reading(
                "Messages received from customers and replies sent by the team in the window.",
                "Compare with tickets created: the ratio is messages per ticket.",
                "Both follow the tickets.",
                "Messages rising faster than tickets: answers do not settle the matter.",
            ),
            Query(trend("contact_received_messages", *here), "received messages"),
            Query(trend("contact_sent_replies", *here), "sent replies"),
            unit="none",
            decimals=0,
            colors={"received messages": LINE, "sent replies": SECOND},
        ),
        table_panel(
            9,
            "Which reasons bring people to write, and which of them grew",
            Place(0, 20, 24, 8),
            Reading(
                "Tickets created with each contact reason, beside the window before, and how many times as many.",
                "A ticket may have several reasons: they do not sum to all tickets. The window is that of the config.",
                "A few reasons on top; growth near 1× where nothing changed. Empty unless reasons are configured.",
                "Growth well above 1× of a reason with many tickets: ask what changed in the product.",
            ),
            Column("Reason (a ticket may have several)", label="reason"),
            Column("Window", label="window"),
            Column("Tickets", reasons, decimals=0, bar=LINE),
            Column("Window before", reasons_before, decimals=0, bar=QUIET),
            Column("Growth", f"{reasons} / ({reasons_before} > 0)", unit="suffix:×", decimals=1),
            Column("Rate", now("contact_reason_rate_ratio", POPULATION, by=by_reason), unit="percentunit"),
            sort="Tickets",
        ),
        line_panel(
            10,
            "How many visit the help centre",
            Place(0, 28, 8, 7),
            Reading(
                "Visitors of the help centre in the window.",
                "They looked for an answer themselves before, or instead of, writing.",
                "It moves with the users. Empty unless a help centre is configured.",
                "More visitors with as many tickets: the pages work. More of both: something in the product is hard.",
            ),
            Query(visits("visitors"), "visitors"),
            unit="none",
            decimals=0,
            colors={"visitors": LINE},
        ),
        line_panel(
            11,
            "How visits of the help centre end",
            Place(8, 28, 8, 7),
            Reading(
                "Share of visits that ended with an answer found, a search that failed, or a message sent.",
                "The three make up all visits.",
                "Found far above the others, and steady.",
                "Failed rising: see in Help Scout what was searched for in vain, and write that page.",
            ),
            Query(visits("result_ratio", 'result="found"'), "found"),
            Query(visits("result_ratio", 'result="failed"'), "failed"),
            Query(visits("result_ratio", 'result="contacted"'), "contacted"),
            unit="percentunit",
            decimals=0,
            colors={"found": LINE, "failed": QUIET, "contacted": SECOND},
        ),
        stat_panel(
            12,
            "How visits of the help centre begin",
            Place(16, 28, 8, 7),
            Reading(
                "Share of visits that began by browsing or with a search, and articles read per visit.",
                "Over the chosen window. Browse and search make up all visits.",
                "Most browse; one or two articles per visit.",
                "Much search and few articles: people do not find the page by its place. Look at the categories.",
            ),
            Query(now("contact_help_center_action_ratio", WINDOW, 'action="browse"'), "browse"),
            Query(now("contact_help_center_action_ratio", WINDOW, 'action="search"'), "search"),
            Query(now("contact_help_center_articles_per_visit", WINDOW), "articles per visit"),
            unit="percentunit",
            decimals=0,
            names=True,
            overrides={"articles per visit": {"unit": "none", "decimals": 1}},
        ),
        variables=("segment", "population", "window", "tickets"),
        since="now-30d",
        refresh="5m",
    )
