"""Exporter: can I trust it?"""

from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from .frame import board
from .panels import (
    ACT,
    CALM,
    SECOND,
    Column,
    Place,
    Query,
    Reading,
    line_panel,
    name_panel,
    stat_panel,
    table_panel,
)
from .queries import CREATED, now, select

# `process_*` is exposed by nearly every target: keep to the exporter's own.
OURS = f"and on (job, instance) {select('contact_exporter_build_info')}"


RIGHT_AXIS = [
    DynamicConfigValue(id_val="unit", value="percentunit"),
    DynamicConfigValue(id_val="custom.axisPlacement", value="right"),
    DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": SECOND}),
]


def _rate(metric: str, by: str, *matchers: str) -> str:
    return f"sum by ({by}) (rate({select(metric, *matchers)}[$__rate_interval]))"


def build():
    per_rate = ("segment", "population", "window")
    quota = (
        f"min by (job) ({select('contact_helpscout_rate_limit_remaining_requests')}"
        f" / ({select('contact_helpscout_rate_limit_requests')} > 0))"
    )
    rates = now("contact_rate_ratio", CREATED, by=per_rate)
    judged = now("contact_rate_rise_p_value", CREATED, by=per_rate)
    by_source = "job, instance, source"

    return board(
        "contact-rate-exporter",
        "Contact rate / Exporter",
        "Can the numbers be trusted? For those who run the exporter.",
        stat_panel(
            1,
            "How many sources are down",
            Place(0, 0, 4, 4),
            Reading(
                "Sources whose last reading failed, wholly or for one segment or window.",
                "Red from 1. What they gave keeps its last value until `max_age`, then disappears.",
                "0. An upstream hiccup is over within a refresh or two.",
                "See which and why below, then docs/runbooks.md#contactratesourcedown.",
            ),
            Query(f"sum by (job) (1 - min by (job, source) ({select('contact_source_up')}))"),
            unit="none",
            decimals=0,
            steps=((None, CALM), (1, ACT)),
            no_value="exporter gone",
        ),
        stat_panel(
            2,
            "How old the numbers are",
            Place(4, 0, 4, 4),
            Reading(
                "Time since the end of the windows that are shown.",
                "Red from one hour, as in the alert.",
                "Up to the refresh interval plus the scrape interval: some six minutes by default.",
                "Older: docs/runbooks.md#contactratedatastale.",
            ),
            Query(f"time() - min by (job) ({select('contact_window_end_timestamp_seconds')})"),
            unit="s",
            decimals=0,
            steps=((None, CALM), (3600, ACT)),
            no_value="no refresh yet",
        ),
        stat_panel(
            3,
            "How much Help Scout quota is left",
            Place(8, 0, 4, 4),
            Reading(
                "Calls left in the current minute, of those that the account is granted; as of the last answer.",
                "Red below 10 %, as in the alert. All tools on the account share it.",
                "Half or more: the exporter keeps to half by default.",
                "Low: docs/runbooks.md#contactratequotalow.",
            ),
            Query(quota),
            unit="percentunit",
            decimals=0,
            steps=((None, CALM), (0, ACT), (0.1, CALM)),
            no_value="not known yet",
        ),
        stat_panel(
            4,
            "Whether the last reload worked",
            Place(12, 0, 4, 4),
            Reading(
                "Result of the last reading of the config, and when one last worked.",
                "Red “no”: the earlier config stays in force.",
                "Yes.",
                "Run `contact-rate-exporter check`; it names file, line and key.",
            ),
            Query(f"min by (job) ({select('contact_exporter_config_last_reload_successful')})", "worked"),
            Query(
                f"1000 * max by (job) ({select('contact_exporter_config_last_reload_success_timestamp_seconds')})",
                "last success",
            ),
            unit="none",
            texts={"0": "no", "1": "yes"},
            steps=((None, CALM), (0, ACT), (1, CALM)),
            names=True,
            overrides={"last success": {"unit": "dateTimeFromNow"}},
        ),
        stat_panel(
            5,
            "How many rates the alerts can judge",
            Place(16, 0, 4, 4),
            Reading(
                "Share of the rates of created tickets that have a p-value, which the rate alerts need.",
                "Red below 1 %: no rise can be found.",
                "100 %. Less where a total population has no `:end` or the plan has no reports.",
                "`contact-rate-exporter check` says which population or source lacks a past.",
            ),
            Query(f"(count by (job) ({judged}) or 0 * count by (job) ({rates})) / count by (job) ({rates})"),
            unit="percentunit",
            decimals=0,
            steps=((None, CALM), (0, ACT), (0.01, CALM)),
        ),
        name_panel(
            6,
            "Which version runs",
            Place(20, 0, 4, 4),
            Reading(
                "Version of each running exporter.",
                "Two names: two versions run side by side.",
                "One, the one that you deployed.",
                "Compare with the release marks when numbers change.",
            ),
            Query(f"max by (job, version) ({select('contact_exporter_build_info')})", "{{version}}"),
        ),
        table_panel(
            7,
            "Which source can be trusted",
            Place(0, 4, 13, 8),
            Reading(
                "Every source of every exporter: state, age of its data, time taken, failures in the chosen range.",
                "Red: down. A dash under age: it never succeeded.",
                "All up, ages below two intervals, a failure now and then.",
                "Down: the panel on the right names the reason.",
            ),
            Column("Job", label="job"),
            Column("Instance", label="instance"),
            Column("Source", label="source"),
            Column(
                "State",
                f"max by ({by_source}) ({select('contact_source_up')})",
                texts={"0": "down", "1": "up"},
                steps=((None, CALM), (0, ACT), (1, CALM)),
            ),
            Column(
                "Age of data",
                f"time() - max by ({by_source}) ({select('contact_source_last_success_timestamp_seconds')})",
                unit="s",
                decimals=0,
            ),
            Column(
                "Time taken",
                f"max by ({by_source}) ({select('contact_source_refresh_duration_seconds')})",
                unit="s",
                decimals=1,
            ),
            Column(
                "Failures",
                f"sum by ({by_source}) (increase({select('contact_source_failures_total')}[$__range]))",
                decimals=0,
            ),
            sort="State",
            descending=False,
        ),
        line_panel(
            8,
            "Why readings fail",
            Place(13, 4, 11, 8),
            Reading(
                "Failed readings by reason.",
                "`auth`: refused credentials. `rate_limited`: quota. `decode`: an answer of another shape.",
                "Zero. Each bar is worth a look when it comes back.",
                "docs/runbooks.md#contactratesourcedown has a line for each reason.",
            ),
            Query(
                f"sum by (reason) (increase({select('contact_source_failures_total')}[$__rate_interval]))",
                "{{reason}}",
            ),
            unit="none",
            bars=True,
        ),
        line_panel(
            9,
            "How many calls Help Scout gets",
            Place(0, 12, 6, 8),
            Reading(
                "Calls per second by answer code, retries counted; and the quota, per second.",
                "Grey is what the account is granted. 429: the quota ran out. 5xx: Help Scout's own failure.",
                "200 alone, well below the grey line.",
                "Too many: fewer windows or segments, or a longer `interval`.",
            ),
            Query(_rate("contact_helpscout_requests_total", "code"), "{{code}}"),
            Query(f"max by (job) ({select('contact_helpscout_rate_limit_requests')}) / 60", "quota"),
            unit="reqps",
            colors={"quota": "gray"},
        ),
        line_panel(
            10,
            "How slowly Help Scout answers",
            Place(6, 12, 6, 8),
            Reading(
                "Time within which 95 % of the calls of an endpoint are answered.",
                "Estimated from buckets. Gaps: no call in that time.",
                "Under a second for lists, a few for reports.",
                "Near the config's `timeout`: raise it, or ask for fewer windows.",
            ),
            Query(
                "histogram_quantile(0.95, "
                f"{_rate('contact_helpscout_request_duration_seconds_bucket', 'le, endpoint')})",
                "{{endpoint}}",
            ),
            unit="s",
        ),
        line_panel(
            11,
            "How long a refresh takes, by source",
            Place(12, 12, 6, 8),
            Reading(
                "Duration of each source's last reading, failed or not.",
                "Sources are read at the same time: the slowest is the refresh.",
                "Seconds, well below `interval`.",
                "A slow population: its query wants an index. Slow tickets: the pace of calls.",
            ),
            Query(f"max by (source) ({select('contact_source_refresh_duration_seconds')})", "{{source}}"),
            unit="s",
        ),
        line_panel(
            12,
            "What the exporter costs",
            Place(18, 12, 6, 8),
            Reading(
                "Resident memory of each exporter (left) and the processor time that it uses (right).",
                "Memory in bytes; processor as a share of one core.",
                "Level memory around ten mebibytes, next to no processor.",
                "A slope over days is a leak: please report it.",
            ),
            Query(f"max by (instance) ({select('process_resident_memory_bytes')} {OURS})", "memory {{instance}}"),
            Query(
                f"max by (instance) (rate({select('process_cpu_seconds_total')}[$__rate_interval]) {OURS})",
                "processor {{instance}}",
            ),
            unit="bytes",
        ).override_by_regexp("/^processor/", RIGHT_AXIS),
        variables=(),
        since="now-24h",
        refresh="1m",
    )
