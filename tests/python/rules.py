"""The rule file, its tests and the other YAML, read strictly."""

import re
from datetime import timedelta
from pathlib import Path

import yaml
import promql_parser

from boards import ROOT

FOLDER = ROOT / "prometheus"
RULES = FOLDER / "rules/contact-rate.yml"
TESTS = sorted((FOLDER / "tests").glob("*.yml"))


class StrictLoader(yaml.SafeLoader):
    """YAML that refuses duplicate keys."""


def _mapping(loader, node, deep=False):
    keys = [loader.construct_object(key, deep=deep) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key}", node.start_mark)
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read(path: Path) -> dict:
    return yaml.load(path.read_text(encoding="utf-8"), StrictLoader)


GROUPS = read(RULES)["groups"]
ALERTS = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]
RECORDED = {rule["record"]: rule for group in GROUPS for rule in group["rules"] if "record" in rule}
CASES = [case for path in TESTS for case in read(path)["tests"]]

LINES = RULES.read_text(encoding="utf-8").splitlines()


RULE_STARTS = [i for i, line in enumerate(LINES) if re.match(r"\s+- (alert|record|name): ", line)] + [len(LINES)]


def records_of(rule: dict) -> list[str]:
    """The truth values and ratios that an alert judges over time, recorded for it alone."""
    return [name for name in RECORDED if name in rule["expr"] and not name.endswith(":max")]


def alert_blocks() -> dict[tuple[str, str], list[int]]:
    """The lines of every alert and of what is recorded for it, by name and severity."""
    blocks, recorded = {}, {}
    for start, end in zip(RULE_STARTS, RULE_STARTS[1:], strict=False):
        record = re.search(r"- record: (\S+)", LINES[start])
        if record:
            recorded[record[1]] = list(range(start, end))
    for start, end in zip(RULE_STARTS, RULE_STARTS[1:], strict=False):
        alert = re.search(r"- alert: (\w+)", LINES[start])
        severity = re.search(r"severity: (\w+)", "\n".join(LINES[start:end]))
        if alert:
            rule = next(r for r in ALERTS if r["alert"] == alert[1] and r["labels"]["severity"] == severity[1])
            own = [i for name in records_of(rule) for i in recorded[name]]
            blocks[alert[1], severity[1]] = own + list(range(start, end))
    return blocks


def only(alert: str, lines: list[str]) -> str:
    """The rule file with the rules on one alert alone: the others only take time."""
    kept = {i for (name, _), block in BLOCKS.items() if name == alert for i in block}
    for start, end in zip(RULE_STARTS, RULE_STARTS[1:], strict=False):
        if re.search(r"- name: |- record: \S+:max$", LINES[start]):
            kept.update(range(start, end))
    kept.update(range(RULE_STARTS[0]))
    return "\n".join([line for i, line in enumerate(lines) if i in kept] + [""])


BLOCKS = alert_blocks()
# What an alert judges over time: a range from which no denial may come, and steps in all that must be attested.
UNDENIED = re.compile(r"(?<=_over_time\()([\w:]+)\[(\w+)\]")
ATTESTED = re.compile(r"\[(\w+):(\w+)\]\) >= (\d+)")


def parse_duration(text: str) -> timedelta:
    """As Prometheus reads it. The parser's own result is not normal beyond a day, and compares wrongly then."""
    return timedelta(seconds=promql_parser.parse_duration(text).total_seconds())


def held(rule: dict) -> timedelta:
    """How long an alert's condition must last before it is told."""
    found = ATTESTED.search(rule["expr"])
    if found is None:
        return parse_duration(rule["for"])
    return int(found[3]) * parse_duration(found[2])


# The number that a marked line compares with.
THRESHOLD = re.compile(r"(?<=[<>=] )(\d+(?:\.\d+)?)\b(?=.*# threshold)")


def thresholds_of(rule: dict) -> set[str]:
    """Numbers on the lines of an alert that are marked as thresholds; how long it must last is no such."""
    block = BLOCKS[rule["alert"], rule["labels"]["severity"]]
    return {match[1] for i in block if not ATTESTED.search(LINES[i]) for match in [THRESHOLD.search(LINES[i])] if match}
