"""Rules: accepted by promtool and amtool, clean under pint's offline checks, every alert explained and tested."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import yaml
from promql_parser import BinaryExpr, Call, MatchOp, MatrixSelector, ParenExpr, SubqueryExpr, parse

import catalogue
from boards import BOARDS, ROOT, queries
from catalogue import FAMILIES
from promql import nodes, problems_of_meaning, selectors, substitute
from rules import (
    ALERTS,
    ATTESTED,
    BLOCKS,
    CASES,
    FOLDER,
    GROUPS,
    LINES,
    RECORDED,
    RULES,
    TESTS,
    THRESHOLD,
    UNDENIED,
    held,
    only,
    parse_duration,
    read,
    records_of,
    thresholds_of,
)

SEVERITIES = {"warning", "critical"}
ANNOTATIONS = {"summary", "description", "runbook_url", "dashboard_url"}
COMPARISONS = {"==", "!=", "<", "<=", ">", ">="}
# Prometheus keeps 15 days by default: a rule that looks further back is silently wrong on such a server.
RETENTION = timedelta(days=15)
SCRAPE_INTERVAL = timedelta(minutes=1)


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def labels_of(metric: str) -> set[str]:
    if metric in RECORDED:
        return {label for found in selectors(parse(RECORDED[metric]["expr"])) for label in labels_of(found.metric)}
    family = catalogue.family(metric)
    return set(family.labels) if family else set()


def kept(node):
    """The part of an expression whose labels its result has: what `and` and `unless` filter, not what they filter by."""
    while isinstance(node, ParenExpr) or (isinstance(node, BinaryExpr) and str(node.op) in ("and", "unless")):
        node = node.expr if isinstance(node, ParenExpr) else node.lhs
    return node


def metrics_of(expr: str) -> set[str]:
    """Metrics that an expression rests on, through recorded series."""
    found = {found.metric for found in selectors(parse(expr))}
    return {m for name in found for m in (metrics_of(RECORDED[name]["expr"]) if name in RECORDED else {name})}


def anchors(path: Path) -> set[str]:
    """Anchors of a Markdown file's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class Accepted(unittest.TestCase):
    def accepted(self, *command: str):
        result = run(*command)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_promtool_check_rules(self):
        self.accepted("promtool", "check", "rules", "--lint=all", "--lint-fatal", str(RULES))

    def test_promtool_check_config(self):
        self.accepted("promtool", "check", "config", str(FOLDER / "prometheus.yml"))

    def test_amtool_check_config(self):
        self.accepted("amtool", "check-config", str(FOLDER / "alertmanager.yml"))

    def test_promtool_test_rules(self):
        self.accepted("promtool", "test", "rules", *map(str, TESTS))

    def test_alertmanager_routes_by_reader(self):
        for rule in ALERTS:
            rate = rule["alert"] in (
                "ContactRateRising",
                "ContactRateRisingSlowly",
                "ContactRateSpike",
                "ContactRateAboveTarget",
                "ContactBacklogGrowing",
                "ContactCapacityReached",
            )
            command = ["amtool", "config", "routes", "test", f"--config.file={FOLDER / 'alertmanager.yml'}"]
            result = run(*command, f"alertname={rule['alert']}", f"severity={rule['labels']['severity']}")
            self.assertEqual(result.stdout.strip(), "support" if rate else "operations", rule["alert"])

    def test_provisioning_points_at_what_is_there(self):
        source = read(ROOT / "grafana/provisioning/datasources/contact-rate.yml")["datasources"][0]
        self.assertEqual(source["type"], "prometheus")
        scrape = read(FOLDER / "prometheus.yml")["global"]["scrape_interval"]
        self.assertEqual(source["jsonData"]["timeInterval"], scrape)
        provider = read(ROOT / "grafana/provisioning/dashboards/contact-rate.yml")["providers"][0]
        self.assertFalse(provider["allowUiUpdates"])
        guide = (ROOT / "docs/grafana.md").read_text(encoding="utf-8")
        self.assertIn(f":{provider['options']['path']}:ro", guide)


class Offline(unittest.TestCase):
    """pint's checks that need no Prometheus, by their names there, and those of the others that a tree can answer."""

    def trees(self):
        for group in GROUPS:
            for rule in group["rules"]:
                yield rule.get("alert") or rule["record"], rule, parse(rule["expr"])

    def test_group_interval(self):
        config = read(FOLDER / "prometheus.yml")["global"]
        for interval in [config["evaluation_interval"], *(g["interval"] for g in GROUPS if "interval" in g)]:
            self.assertLessEqual(parse_duration(interval), timedelta(minutes=5))

    def test_alerts_comparison(self):
        """Without one, an alert fires whenever its series exist."""
        for rule in ALERTS:
            tree = parse(rule["expr"])
            compares = any(isinstance(n, BinaryExpr) and str(n.op) in COMPARISONS for n in nodes(tree))
            absent = isinstance(tree, Call) and tree.func.name == "absent"
            self.assertTrue(compares or absent, rule["alert"])

    def test_alerts_for(self):
        for rule in ALERTS:
            self.assertGreaterEqual(parse_duration(rule["for"]), 2 * SCRAPE_INTERVAL, rule["alert"])

    def test_alerts_absent(self):
        for name, rule, tree in self.trees():
            if any(isinstance(node, Call) and node.func.name.startswith("absent") for node in nodes(tree)):
                self.assertGreaterEqual(parse_duration(rule["for"]), 2 * SCRAPE_INTERVAL, name)

    def test_alerts_template(self):
        for rule in ALERTS:
            for label in rule["labels"].values():
                self.assertNotIn("{{", label, rule["alert"])
            for text in rule["annotations"].values():
                for value in re.findall(r"\{\{([^{}]*(?:\$value|\| value)[^{}]*)\}\}", text):
                    self.assertRegex(value, r"\| humanize", rule["alert"])

    def test_alerts_annotation_and_rule_label(self):
        for rule in ALERTS:
            self.assertEqual(set(rule["annotations"]), ANNOTATIONS, rule["alert"])
            self.assertEqual(set(rule["labels"]), {"severity"}, rule["alert"])
            self.assertIn(rule["labels"]["severity"], SEVERITIES, rule["alert"])
            self.assertLessEqual(len(rule["annotations"]["summary"].split("{{")[0]), 80, rule["alert"])

    def test_rule_names(self):
        for name, _, _ in self.trees():
            self.assertRegex(name, r"^(Contact[A-Z]\w+|[a-z]+:contact_\w+:[a-z0-9_]+)$")

    def test_promql_fragile(self):
        for name, _, tree in self.trees():
            for node in nodes(tree):
                self.assertNotIn(str(getattr(node, "op", "")), ("topk", "bottomk", "limitk"), name)

    def test_promql_regexp(self):
        """No regular expression where equality does."""
        for name, _, tree in self.trees():
            for found in selectors(tree):
                for matcher in found.selector.matchers.matchers:
                    if matcher.op in (MatchOp.Re, MatchOp.NotRe):
                        self.assertRegex(matcher.value, r"[|.*+?\[\](){}]", name)
                        self.assertNotRegex(matcher.value, r"^\^|\$$", name)

    def test_promql_nan_and_sums(self):
        for name, _, tree in self.trees():
            self.assertEqual(problems_of_meaning(tree, labels_of), [], name)

    def test_promql_rate_and_counter(self):
        """`rate` on counters, `delta` on gauges."""
        for name, _, tree in self.trees():
            for found in selectors(tree):
                family = catalogue.family(found.metric)
                call = found.call.func.name if found.call is not None else None
                if call in ("rate", "irate", "increase"):
                    self.assertEqual(family.type, "counter", name)
                if call in ("delta", "deriv", "idelta"):
                    self.assertEqual(family.type, "gauge", name)
                if family is not None and family.type == "counter":
                    self.assertIn(call, ("rate", "irate", "increase"), name)

    def test_promql_offset_and_range_query(self):
        for name, _, tree in self.trees():
            for node in nodes(tree):
                if isinstance(node, (MatrixSelector, SubqueryExpr)):
                    self.assertLessEqual(node.range, RETENTION, name)
            for found in selectors(tree):
                self.assertIsNone(found.selector.offset, name)

    def test_promql_series(self):
        """Every metric is exposed or recorded before it is used, every label exists."""
        known = {"up"}
        for name, rule, tree in self.trees():
            for found in selectors(tree):
                if found.metric in known:
                    continue
                family = catalogue.family(found.metric)
                self.assertIsNotNone(family, f"{name}: {found.metric}")
                for matcher in found.selector.matchers.matchers:
                    self.assertIn(matcher.name, set(family.labels) | catalogue.TARGET_LABELS, name)
            if "record" in rule:
                known.add(rule["record"])

    def test_promql_vector_matching(self):
        """`ignoring` names a label in which the sides differ, by having it or by value; else it hides a mistake."""
        for name, _, tree in self.trees():
            for node in nodes(tree):
                if not isinstance(node, BinaryExpr) or node.modifier is None or node.modifier.matching is None:
                    continue
                for label in node.modifier.matching.labels:
                    sides = []
                    for side in (node.lhs, node.rhs):
                        values = set()
                        for found in selectors(kept(side)):
                            if label in labels_of(found.metric):
                                matcher = found.matcher(label)
                                values.add(matcher.value if matcher else ".*")
                        sides.append(values)
                    self.assertFalse(sides[0] & sides[1], f"{name}: {label}")
                    self.assertTrue(sides[0] | sides[1], f"{name}: {label}")

    def test_replicas_alarm_once(self):
        """What is about tickets has no instance; what is about an exporter keeps it."""
        for name, _, tree in self.trees():
            for found in selectors(tree):
                kpi = found.metric in catalogue.kpis()
                if kpi and not any(isinstance(n, Call) and n.func.name == "absent" for n in found.around):
                    self.assertTrue(found.aggregations, name)
                    self.assertEqual(str(found.aggregations[0].op), "max", name)
                    self.assertEqual(
                        found.aggregations[0].modifier.labels, ["instance", "pod", "container", "endpoint"], name
                    )


class Explained(unittest.TestCase):
    def test_runbooks_have_every_alert_and_no_other(self):
        runbooks = anchors(ROOT / "docs/runbooks.md")
        for rule in ALERTS:
            path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
            self.assertTrue(path.endswith("docs/runbooks.md"), rule["alert"])
            self.assertEqual(anchor, rule["alert"].lower())
            self.assertIn(anchor, runbooks)
        sections = {anchor for anchor in runbooks if re.match(r"contact(rate|backlog|capacity)", anchor)}
        self.assertEqual(sections, {rule["alert"].lower() for rule in ALERTS})

    def test_runbooks_say_what_it_means_and_what_to_do(self):
        text = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
        for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
            if section.startswith("Contact"):
                self.assertIn("**Meaning.**", section)
                self.assertIn("**Look at.**", section)
                self.assertRegex(section, r"\*\*Do\*\*|\*\*Do\.\*\*")

    def test_dashboards_exist_and_take_the_variables(self):
        boards = {board["uid"]: board for board in BOARDS.values()}
        for rule in ALERTS:
            match = re.fullmatch(r"https?://[^/]+/d/([\w-]+)(?:\?(.*))?", rule["annotations"]["dashboard_url"])
            self.assertIsNotNone(match, rule["alert"])
            self.assertIn(match[1], boards, rule["alert"])
            names = {variable["name"] for variable in boards[match[1]]["templating"]["list"]}
            for name in re.findall(r"(?:^|&)var-(\w+)=", match[2] or ""):
                self.assertIn(name, names, rule["alert"])

    def test_what_alerts_rest_on_is_shown(self):
        shown = {found.metric for query in queries() for found in selectors(parse(substitute(query.expr)))}
        for rule in ALERTS:
            self.assertEqual(metrics_of(rule["expr"]) - shown - {"up"}, set(), rule["alert"])

    def test_thresholds_of_the_runbooks_are_those_of_the_rules(self):
        text = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| (Contact\w+) \| (\w+) \| (.+) \| (\w+) \|$", text, re.MULTILINE)
        documented = {
            (alert, severity): (set(re.findall(r"`([\d.]+)`", when)), parse_duration(lasts))
            for alert, severity, when, lasts in rows
        }
        found = {(rule["alert"], rule["labels"]["severity"]): (thresholds_of(rule), held(rule)) for rule in ALERTS}
        self.assertEqual(documented, found)


class Tested(unittest.TestCase):
    def cases(self, alert: str) -> list[dict]:
        return [case for case in CASES if case["name"].split()[0] == alert]

    def test_every_case_is_about_an_alert(self):
        names = {rule["alert"] for rule in ALERTS}
        for case in CASES:
            alert = case["name"].split()[0]
            self.assertIn(alert, names)
            for check in case["alert_rule_test"]:
                self.assertEqual(check["alertname"], alert, case["name"])

    def test_every_alert_fires_with_its_severities(self):
        for rule in ALERTS:
            firing = [case for case in self.cases(rule["alert"]) if " fires" in case["name"]]
            severities = {
                expected["exp_labels"]["severity"]
                for case in firing
                for check in case["alert_rule_test"]
                for expected in check["exp_alerts"]
            }
            self.assertIn(rule["labels"]["severity"], severities, rule["alert"])

    def test_every_alert_is_silent_just_below(self):
        for rule in ALERTS:
            severity = rule["labels"]["severity"]
            below = [case for case in self.cases(rule["alert"]) if "just below" in case["name"]]
            self.assertTrue(
                any(
                    all(
                        e["exp_labels"]["severity"] != severity
                        for c in case["alert_rule_test"]
                        for e in c["exp_alerts"]
                    )
                    for case in below
                ),
                rule["alert"],
            )

    def test_every_alert_is_tested_without_data(self):
        for rule in ALERTS:
            cases = [case for case in self.cases(rule["alert"]) if "no data" in case["name"]]
            self.assertTrue(cases, rule["alert"])
            for case in cases:
                given = {found.metric for s in case["input_series"] for found in selectors(parse(s["series"]))}
                self.assertFalse(
                    metrics_of(rule["expr"]) <= given - {"contact_helpscout_rate_limit_requests"}, case["name"]
                )
                expected = [e for check in case["alert_rule_test"] for e in check["exp_alerts"]]
                self.assertEqual(bool(expected), rule["alert"] == "ContactRateMissing", case["name"])

    def test_every_alert_is_tested_with_a_source_gone_stale(self):
        for rule in ALERTS:
            cases = [case for case in self.cases(rule["alert"]) if "went stale" in case["name"]]
            self.assertTrue(cases, rule["alert"])
            for case in cases:
                self.assertTrue(any(re.search(r"\bstale\b", s["values"]) for s in case["input_series"]), case["name"])
                before, after = case["alert_rule_test"][-2:]
                fired = (bool(before["exp_alerts"]), bool(after["exp_alerts"]))
                self.assertEqual(fired, (False, True) if rule["alert"] == "ContactRateMissing" else (True, False))

    def test_every_long_alert_survives_gaps(self):
        """What must last a quarter of an hour or longer rests on stored series, and is tested with each kind of gap."""
        for rule in ALERTS:
            if held(rule) < timedelta(minutes=15) or rule["alert"] == "ContactRateMissing":
                continue
            attested = ATTESTED.search(rule["expr"])
            self.assertIsNotNone(attested, rule["alert"])
            # Room for gaps of a third of the time.
            self.assertGreaterEqual(parse_duration(attested[1]), held(rule) * 4 / 3, rule["alert"])
            undenied = [match for match in UNDENIED.finditer(rule["expr"]) if match[1] in (*records_of(rule), *FAMILIES)]
            self.assertEqual([parse_duration(match[2]) for match in undenied], [held(rule)], rule["alert"])
            # A firing alert goes on through a gap.
            self.assertGreaterEqual(parse_duration(rule["keep_firing_for"]), timedelta(minutes=15), rule["alert"])
            names = [case["name"].removeprefix(rule["alert"] + " ") for case in self.cases(rule["alert"])]
            for kind in ("survives a missed scrape", "survives an outage", "goes on through a gap", "begins anew"):
                self.assertTrue(any(name.startswith(kind) for name in names), f"{rule['alert']}: {kind}")

    def mutants(self):
        """Each threshold by 15 % up and down, each duration doubled and halved, with the alert that it belongs to."""

        def minutes(text: str, factor: float) -> str:
            return f"{int(parse_duration(text).total_seconds() * factor / 60)}m"

        for (alert, severity), block in BLOCKS.items():
            for i in block:
                line = LINES[i]
                changes = []
                threshold = THRESHOLD.search(line)
                if threshold:
                    changes += [(threshold.span(1), f"{float(threshold[1]) * by:.10f}") for by in (0.85, 1.15)]
                for found in (UNDENIED.search(line), ATTESTED.search(line)):
                    if found and "last_over_time" not in line and "delta(" not in line:
                        group = 2 if found.re is UNDENIED else 1
                        changes += [(found.span(group), minutes(found[group], by)) for by in (0.5, 2)]
                lasts = re.match(r"\s+(?:keep_firing_)?for: (\w+)$", line)
                if lasts:
                    changes += [(lasts.span(1), minutes(lasts[1], by)) for by in (0.5, 2)]
                for (start, end), text in changes:
                    yield alert, severity, i, line[:start] + text + line[end:]

    def test_no_threshold_and_no_duration_can_move_unnoticed(self):
        """The alert's own tests must fail."""
        mutants = list(self.mutants())
        durations = sum(("for" in rule) + ("keep_firing_for" in rule) for rule in ALERTS)
        over_time = sum(3 for rule in ALERTS if ATTESTED.search(rule["expr"]))
        self.assertEqual(
            len(mutants), 2 * (durations + over_time + sum(len(thresholds_of(rule)) for rule in ALERTS))
        )
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "tests").mkdir()
            (Path(folder) / "rules").mkdir()
            mutated = Path(folder) / "rules/contact-rate.yml"
            for alert in {alert for alert, *_ in mutants}:
                for path in TESTS:
                    test = read(path)
                    test["tests"] = [case for case in test["tests"] if case["name"].split()[0] == alert]
                    if test["tests"]:
                        name = Path(folder) / "tests" / f"{alert}.{path.name}"
                        name.write_text(yaml.safe_dump(test, sort_keys=False), encoding="utf-8")
                unchanged = self.fails(alert, LINES, mutated)
                self.assertEqual(unchanged, "", alert)

            def noticed(mutant):
                alert, severity, i, line = mutant
                own = Path(folder) / f"{alert}-{i}-{hash(line)}"
                (own / "rules").mkdir(parents=True)
                shutil.copytree(Path(folder) / "tests", own / "tests")
                lines = [*LINES[:i], line, *LINES[i + 1 :]]
                return mutant, self.fails(alert, lines, own / "rules/contact-rate.yml")

            with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
                for (alert, severity, _, line), failure in pool.map(noticed, mutants):
                    with self.subTest(alert=alert, severity=severity, line=line.strip()):
                        self.assertNotEqual(failure, "", "no test noticed")

    def fails(self, alert: str, lines: list[str], file: Path) -> str:
        """What the tests of an alert say of a rule file, beside whose folder they are; nothing if they pass."""
        file.write_text(only(alert, lines), encoding="utf-8")
        self.assertEqual(run("promtool", "check", "rules", str(file)).returncode, 0)
        folder = file.parent.parent
        # The quick ones first: one that fails is enough.
        for test in sorted((folder / "tests").glob(f"{alert}.*.yml"), key=lambda path: "gaps" in path.name):
            result = run("promtool", "test", "rules", str(test), cwd=folder)
            if result.returncode:
                return result.stdout + result.stderr
        return ""


if __name__ == "__main__":
    unittest.main()
