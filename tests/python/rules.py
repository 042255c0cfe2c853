"""The rule file, its tests and the other YAML, read strictly."""

import re
from pathlib import Path

import yaml

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


def alert_blocks() -> dict[tuple[str, str], range]:
    """The lines of every alert, by name and severity."""
    starts = [i for i, line in enumerate(LINES) if re.match(r"\s+- (alert|record|name): ", line)] + [len(LINES)]
    blocks = {}
    for start, end in zip(starts, starts[1:], strict=False):
        alert = re.search(r"- alert: (\w+)", LINES[start])
        severity = re.search(r"severity: (\w+)", "\n".join(LINES[start:end]))
        if alert:
            blocks[alert[1], severity[1]] = range(start, end)
    return blocks


BLOCKS = alert_blocks()
# The number that a marked line compares with.
THRESHOLD = re.compile(r"(?<=[<>=] )(\d+(?:\.\d+)?)\b(?=.*# threshold)")


def thresholds_of(rule: dict) -> set[str]:
    """Numbers on the lines of an alert that are marked as thresholds."""
    block = BLOCKS[rule["alert"], rule["labels"]["severity"]]
    return {match[1] for i in block for match in [THRESHOLD.search(LINES[i])] if match}
