"""PromQL of the dashboards.

Two things hold for every query, and a test checks both:

- `window` and `tickets` are pinned or kept as labels: they choose between answers to one question, so their series are
  never added up.
- Replicas collapse. Two exporters of one job, or two Prometheus servers behind one query layer, show the same tickets
  twice; `max by (job, …)` makes them one. `job` stays, because two jobs are two different things.
"""

SCOPE = 'job=~"$job", instance=~"$instance"'
# Grafana escapes the value for a regular expression because the variable has an "All" option, so that a segment named
# "l'aide" or "C++" is matched as it is written.
SEGMENT = 'segment=~"$segment"'
POPULATION = 'population="$population"'
WINDOW = 'window="$window"'
TICKETS = 'tickets="$tickets"'
CREATED = 'tickets="created"'
DAY = 'window="1d"'


def select(metric: str, *matchers: str) -> str:
    """A selector within the chosen jobs and instances."""
    return f"{metric}{{{', '.join((SCOPE, *matchers))}}}"


def now(metric: str, *matchers: str, by: tuple[str, ...] = ()) -> str:
    """The present value, one series per job and `by`."""
    return f"max by ({', '.join(('job', *by))}) ({select(metric, *matchers)})"


def trend(metric: str, *matchers: str, by: tuple[str, ...] = ()) -> str:
    """The value over time, one series per job and `by`.

    `last_over_time` finds samples that lie anywhere within a step: live ones of every minute, and backfilled ones of
    once a day, which a plain selector sees for five minutes only.
    """
    return f"max by ({', '.join(('job', *by))}) (last_over_time({select(metric, *matchers)}[$__interval]))"


def population(kind, window: str = WINDOW) -> str:
    """The chosen population. A total has no `window` label: the empty alternative lets it through."""
    value = window.split('"')[1]
    return kind("contact_${population}", f'window=~"{value}|"')


def expected(kind, by: tuple[str, ...] = ()) -> str:
    """Tickets to expect in one day: the baseline rate (the same weekday of the four weeks before) times today's
    population. Needs no history in Prometheus."""
    baseline = kind("contact_rate_baseline_ratio", *(() if by else (SEGMENT,)), POPULATION, DAY, CREATED, by=by)
    return f"{baseline} * on (job) group_left () {population(kind, DAY)}"
