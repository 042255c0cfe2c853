"""The metrics that the exporter exposes, read from its golden exposition.

`CONTACT_RATE_METRICS` names another file, such as one saved by `curl http://localhost:10473/metrics`.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(os.environ.get("CONTACT_RATE_METRICS", ROOT / "tests/golden/metrics.txt"))

# Families that say how far to trust the rest; every other `contact_` family is a KPI.
TRUST = ("contact_source_", "contact_helpscout_", "contact_exporter_", "contact_window_end_")
# Labels that Prometheus adds to every series.
TARGET_LABELS = {"job", "instance", "pod", "container", "endpoint"}
HISTOGRAM_SUFFIXES = ("_bucket", "_count", "_sum")


@dataclass
class Family:
    """One metric family: its type, the labels seen on its series and their values."""

    type: str
    labels: dict[str, set[str]] = field(default_factory=dict)


def _exposition(text: str) -> dict[str, Family]:
    families: dict[str, Family] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ", 3)
            families[name] = Family(kind)
            continue
        sample = re.match(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ", line)
        if line.startswith("#") or not sample:
            continue
        name = sample[1]
        for suffix in HISTOGRAM_SUFFIXES:
            if name not in families and name.removesuffix(suffix) in families:
                name = name.removesuffix(suffix)
        for label, value in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample[2] or ""):
            families[name].labels.setdefault(label, set()).add(value)
    return families


def load() -> dict[str, Family]:
    """The families by name."""
    families = _exposition(GOLDEN.read_text(encoding="utf-8"))
    if "contact_rate_ratio" not in families:
        raise SystemExit(f"{GOLDEN} is not the exporter's exposition")
    return families


FAMILIES = load()


def family(metric: str) -> Family | None:
    """The family that a series name belongs to."""
    for name in (metric, *(metric.removesuffix(suffix) for suffix in HISTOGRAM_SUFFIXES)):
        if name in FAMILIES and (name == metric or FAMILIES[name].type == "histogram"):
            return FAMILIES[name]
    return None


def populations() -> set[str]:
    """Names of populations, from the label of the rates."""
    return FAMILIES["contact_rate_ratio"].labels["population"]


def kpis() -> set[str]:
    """Families that the exporter is for."""
    return {name for name in FAMILIES if name.startswith("contact_") and not name.startswith(TRUST)}
