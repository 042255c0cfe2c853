#!/usr/bin/env python3
"""Prints every PromQL expression of dashboards and rules as JSON, ready for a live Prometheus.

    .venv/bin/python tests/python/queries.py                        # defaults: job .+, window 7d, population dossiers …
    .venv/bin/python tests/python/queries.py population=users window=28d

Each entry: `where` it comes from, `expr`, and `may_be_empty`: true for what shows failures and changes only, which a
healthy exporter has none of. Alert expressions are such by nature; everything else must return data.
"""

import json
import sys

from boards import annotations, queries
from promql import SAMPLE, substitute
from rules import ALERTS, RECORDED


def entries(values: dict[str, str]) -> list[dict]:
    """Every expression with the variables filled in."""
    found = [
        {"where": str(query), "expr": substitute(query.expr, values), "may_be_empty": False} for query in queries()
    ]
    found += [
        {
            "where": f"{board} / annotation {annotation['name']}",
            "expr": substitute(annotation["expr"], values),
            "may_be_empty": True,
        }
        for board, annotation in annotations()
    ]
    found += [{"where": f"rule {name}", "expr": rule["expr"], "may_be_empty": False} for name, rule in RECORDED.items()]
    found += [
        {"where": f"alert {rule['alert']} ({rule['labels']['severity']})", "expr": rule["expr"], "may_be_empty": True}
        for rule in ALERTS
    ]
    return found


def main() -> int:
    chosen = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
    if len(chosen) != len(sys.argv) - 1 or not chosen.keys() <= SAMPLE.keys():
        print(__doc__, "Variables:", ", ".join(SAMPLE), file=sys.stderr)
        return 2
    # Ranges for an instant query: long enough for two scrapes, short enough for a young Prometheus.
    json.dump(entries(SAMPLE | {"__rate_interval": "5m"} | chosen), sys.stdout, indent=2, ensure_ascii=False)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
