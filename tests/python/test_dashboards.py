"""Dashboards: made by their code, clean under the linter's 17 rules, true in every query, readable on one screen."""

import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from promql_parser import Call, MatrixSelector, parse

import catalogue
from boards import BOARDS, ROOT, annotations, panels, queries
from promql import RATE_INTERVAL, SAMPLE, keeps, problems_of_meaning, selectors, substitute, variables

# Grafana's unit ids that the dashboards use: an unknown id would be shown as a suffix.
UNITS = {"suffix:×", "none", "short", "percentunit", "s", "bytes", "reqps", "dateTimeFromNow"}
# What is left of a screen of 1920 x 1080 under the browser's and Grafana's own bars is some 790 pixels. A grid row is
# 30 pixels and a gap of 8, so 20 rows take 752.
ROWS = 20
COLUMNS = 24
# Rows below the first screen, for what is only there where it is configured.
MORE_ROWS = {"contact-rate-managers": 15}
# 1920 pixels wide; a title's letter takes about 7.5, its menu and info mark about 24.
TITLE_PIXELS_PER_COLUMN = 1920 / COLUMNS
PARTS = ["What it is.", "How to read it.", "What to expect.", "What to do."]


def labels_of(metric: str) -> set[str]:
    family = catalogue.family(metric)
    return set(family.labels) if family else set()


def each_population():
    """Values for the variables, once for each population: one of them has a window, the other has none."""
    for population in sorted(catalogue.populations()):
        yield SAMPLE | {"population": population}


class Generated(unittest.TestCase):
    def test_files_are_what_the_code_makes(self):
        command = [sys.executable, str(ROOT / "grafana/dashboards.py"), "--check"]
        result = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_files_are_in_canonical_form(self):
        for name, board in BOARDS.items():
            text = (ROOT / "grafana/dashboards" / name).read_text(encoding="utf-8")
            self.assertEqual(text, json.dumps(board, indent=2, sort_keys=True, ensure_ascii=False) + "\n", name)

    def test_no_identity_of_another_grafana(self):
        for name, board in BOARDS.items():
            self.assertFalse({"id", "version", "iteration", "gnetId"} & board.keys(), name)
            self.assertNotIn("__inputs", board, name)
            for variable in board["templating"]["list"]:
                self.assertNotIn("id", variable, name)

    def test_uids_are_fixed_and_unique(self):
        self.assertEqual(
            sorted(board["uid"] for board in BOARDS.values()),
            ["contact-rate-direction", "contact-rate-exporter", "contact-rate-managers", "contact-rate-planning", "contact-rate-team"],
        )

    def test_the_schema_of_grafana_10_reads_them_whole(self):
        """Decoding by the SDK's models and encoding again loses nothing but two things the models do not know."""

        def known(board: dict) -> dict:
            for annotation in board["annotations"]["list"]:
                for key in ("titleFormat", "textFormat", "step", "useValueForTime"):
                    annotation.pop(key, None)
            for variable in board["templating"]["list"]:
                variable.pop("id", None)
            return board

        for name, board in BOARDS.items():
            again = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
            self.assertEqual(known(again), known(json.loads(json.dumps(board))), name)


class Linter(unittest.TestCase):
    """The rules of grafana/dashboard-linter by their names there; no exclusions."""

    def variable(self, board: dict, name: str) -> dict:
        found = [variable for variable in board["templating"]["list"] if variable["name"] == name]
        self.assertEqual(len(found), 1, f"{board['title']}: variable {name}")
        return found[0]

    def test_template_datasource(self):
        for board in BOARDS.values():
            sources = [v for v in board["templating"]["list"] if v["type"] == "datasource"]
            self.assertEqual(len(sources), 1, board["title"])
            self.assertEqual(sources[0]["name"], "datasource")
            self.assertEqual(sources[0]["label"], "Data source")
            self.assertEqual(sources[0]["query"], "prometheus")

    def required(self, name: str, label: str):
        for board in BOARDS.values():
            variable = self.variable(board, name)
            self.assertEqual(variable["type"], "query")
            self.assertIn(variable["datasource"]["uid"], ("$datasource", "${datasource}"))
            self.assertIs(variable["multi"], True)
            self.assertEqual(variable["allValue"], ".+")
            self.assertEqual(variable["label"], label)

    def test_template_job(self):
        self.required("job", "Job")

    def test_template_instance(self):
        self.required("instance", "Instance")

    def test_template_label_promql(self):
        for board in BOARDS.values():
            for variable in board["templating"]["list"]:
                if variable["type"] != "query":
                    continue
                match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
                self.assertIsNotNone(match, variable["query"])
                (found,) = selectors(parse(substitute(match[1])))
                self.assertIn(match[2], labels_of(found.metric) | catalogue.TARGET_LABELS)

    def test_template_on_time_change_reload(self):
        for board in BOARDS.values():
            for variable in board["templating"]["list"]:
                if variable["type"] == "query":
                    self.assertEqual(variable["refresh"], 2, variable["name"])

    def test_panel_datasource(self):
        for board, panel in panels():
            for owner in (panel, *panel["targets"]):
                self.assertIn(
                    owner["datasource"]["uid"], ("$datasource", "${datasource}"), f"{board}: {panel['title']}"
                )

    def test_panel_title_description(self):
        for board, panel in panels():
            self.assertTrue(panel["title"] and panel["description"], board)

    def test_panel_units(self):
        for _, panel in panels():
            self.assertIn(panel["fieldConfig"]["defaults"]["unit"], UNITS, panel["title"])
            for override in panel["fieldConfig"].get("overrides", []):
                for item in override["properties"]:
                    if item["id"] == "unit":
                        self.assertIn(item["value"], UNITS, panel["title"])

    def test_panel_no_targets(self):
        for _, panel in panels():
            self.assertTrue(panel["targets"], panel["title"])

    def test_target_promql(self):
        """By promtool: all queries, as rules of one file."""
        rules = []
        for values in each_population():
            for query in queries():
                rules.append({"record": f"test:query:{len(rules)}", "expr": substitute(query.expr, values)})
        for number, (_, annotation) in enumerate(annotations()):
            rules.append({"record": f"test:annotation:{number}", "expr": substitute(annotation["expr"])})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "queries.yml"
            path.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
            result = subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_target_logql(self):
        for _, panel in panels():
            for target in panel["targets"]:
                self.assertNotEqual(target["datasource"]["type"], "loki", panel["title"])

    test_target_logql_auto = test_target_logql

    def test_target_rate_interval(self):
        for query in queries():
            for found in selectors(parse(substitute(query.expr))):
                if found.call is not None and found.call.func.name in ("rate", "irate"):
                    matrix = found.around[-1]
                    self.assertIsInstance(matrix, MatrixSelector, query)
                    self.assertEqual(matrix.range, RATE_INTERVAL, query)

    def scoped(self, label: str):
        for query in queries():
            for found in selectors(parse(substitute(query.expr, SAMPLE | {label: "MARK"}))):
                matcher = found.matcher(label)
                self.assertIsNotNone(matcher, f"{query}: {found.metric}")
                self.assertEqual((str(matcher.op), matcher.value), ("MatchOp.Re", "MARK"), query)

    def test_target_job(self):
        self.scoped("job")

    def test_target_instance(self):
        self.scoped("instance")

    def test_target_counter_agg(self):
        """Stricter than the linter, by type instead of suffix: counters and histograms only ever as a rate."""
        for query in queries():
            for found in selectors(parse(substitute(query.expr))):
                family = catalogue.family(found.metric)
                if family is not None and family.type in ("counter", "histogram"):
                    self.assertIsNotNone(found.call, query)
                    self.assertIn(found.call.func.name, ("rate", "irate", "increase"), query)

    def test_uneditable_dashboard(self):
        for board in BOARDS.values():
            self.assertIs(board["editable"], False)


class Meaning(unittest.TestCase):
    """What no linter knows: these metrics, and what may not be done with them."""

    def test_every_metric_and_label_is_exposed(self):
        for values in each_population():
            for query in queries():
                for found in selectors(parse(substitute(query.expr, values))):
                    family = catalogue.family(found.metric)
                    self.assertIsNotNone(family, f"{query}: {found.metric} is not exposed")
                    for matcher in found.selector.matchers.matchers:
                        known = set(family.labels) | catalogue.TARGET_LABELS
                        if matcher.name == "window" and matcher.value.endswith("|"):
                            continue  # a total population has no window, and may lack it
                        self.assertIn(matcher.name, known, f"{query}: {found.metric}")

    def test_every_label_kept_is_exposed(self):
        known = {label for family in catalogue.FAMILIES.values() for label in family.labels} | {"le"}
        for query in queries():
            for found in selectors(parse(substitute(query.expr))):
                for aggregation in found.aggregations:
                    for label in aggregation.modifier.labels:
                        self.assertIn(label, known | catalogue.TARGET_LABELS, query)

    def test_windows_and_tickets_are_never_added_up_and_nothing_divides_by_zero(self):
        for values in each_population():
            for query in queries():
                problems = problems_of_meaning(parse(substitute(query.expr, values)), labels_of)
                self.assertEqual(problems, [], query)

    def test_replicas_count_once(self):
        """A gauge of two exporters of one job is the same fact twice: the innermost aggregation picks one of them."""
        for query in queries():
            for found in selectors(parse(substitute(query.expr))):
                family = catalogue.family(found.metric)
                if family.type != "gauge" or not found.metric.startswith("contact_"):
                    continue
                if found.metric == "contact_exporter_build_info" and not found.aggregations:
                    continue  # a filter, which adds nothing
                self.assertTrue(found.aggregations, f"{query}: {found.metric} is not aggregated")
                innermost = found.aggregations[0]
                self.assertIn(str(innermost.op), ("min", "max"), query)
                self.assertTrue(
                    keeps(innermost, "job") or keeps(innermost, "instance") or keeps(innermost, "source"), query
                )

    def test_present_values_are_asked_for_the_present(self):
        """A range query with its last value would show what is gone as if it were there."""
        for board, panel in panels():
            for target in panel["targets"]:
                instant = panel["type"] in ("stat", "table", "bargauge", "gauge")
                self.assertEqual(target["instant"], instant, f"{board}: {panel['title']}")

    def test_history_of_one_sample_a_day_is_found(self):
        """Backfilled samples lie a day apart; a plain selector would look back five minutes only."""
        for query in queries():
            if query.instant:
                continue
            for found in selectors(parse(substitute(query.expr))):
                if found.metric in catalogue.kpis():
                    calls = [node.func.name for node in found.around if isinstance(node, Call)]
                    self.assertIn("last_over_time", calls, query)

    def test_variables_used_are_defined_and_defined_are_used(self):
        for board in BOARDS.values():
            defined = {variable["name"] for variable in board["templating"]["list"]}
            used = {"datasource"}
            for panel in board["panels"]:
                used |= variables(panel["title"])
                for target in panel["targets"]:
                    used |= variables(target["expr"])
            for annotation in board["annotations"]["list"]:
                used |= variables(annotation["expr"])
            self.assertEqual({name for name in used if not name.startswith("__")}, defined, board["title"])

    def test_annotations_mark_config_changes_and_releases(self):
        for board in BOARDS.values():
            names = [annotation["name"] for annotation in board["annotations"]["list"]]
            self.assertEqual(names, ["Config changes", "Releases"])


class Readable(unittest.TestCase):
    def test_one_screen_without_overlap_or_gap(self):
        for board in BOARDS.values():
            taken = set()
            for panel in board["panels"]:
                place = panel["gridPos"]
                cells = {
                    (x, y)
                    for x in range(place["x"], place["x"] + place["w"])
                    for y in range(place["y"], place["y"] + place["h"])
                }
                self.assertFalse(cells & taken, panel["title"])
                taken |= cells
            rows = ROWS + MORE_ROWS.get(board["uid"], 0)
            everything = {(x, y) for x in range(COLUMNS) for y in range(rows)}
            self.assertEqual(taken, everything, board["title"])

    def test_panels_are_in_reading_order_and_numbered(self):
        for board in BOARDS.values():
            places = [(panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in board["panels"]]
            self.assertEqual(places, sorted(places), board["title"])
            self.assertEqual([panel["id"] for panel in board["panels"]], list(range(1, len(places) + 1)))

    def test_titles_answer_a_question_and_fit(self):
        for board, panel in panels():
            title = panel["title"]
            self.assertRegex(title, r"^(What|How|Why|Which|Where|Whether) ", board)
            pixels = len(title) * 7.5 + 24
            self.assertLessEqual(pixels, panel["gridPos"]["w"] * TITLE_PIXELS_PER_COLUMN, f"{board}: {title}")
        for board in BOARDS.values():
            titles = [panel["title"] for panel in board["panels"]]
            self.assertEqual(len(titles), len(set(titles)), board["title"])

    def test_descriptions_have_four_short_parts(self):
        for board, panel in panels():
            parts = re.findall(r"\*\*(.+?)\*\* (.+?)(?:\n\n|$)", panel["description"])
            self.assertEqual([name for name, _ in parts], PARTS, f"{board}: {panel['title']}")
            for _, text in parts:
                self.assertLessEqual(len(text), 130, f"{board}: {panel['title']}: {text}")
                self.assertTrue(text.endswith("."), f"{board}: {panel['title']}: {text}")

    def test_rates_are_percentages(self):
        for board, panel in panels():
            rates = [t for t in panel["targets"] if t["expr"].startswith("max by (job) (contact_rate_ratio")]
            if rates and panel["type"] != "table":
                self.assertEqual(panel["fieldConfig"]["defaults"]["unit"], "percentunit", f"{board}: {panel['title']}")

    def test_red_and_orange_are_for_what_needs_someone(self):
        """Nothing that merely varies is coloured: no palettes by value, no green for good."""
        for board, panel in panels():
            text = json.dumps(panel)
            for colour in ("green", "yellow", "continuous"):
                self.assertNotIn(colour, text, f"{board}: {panel['title']}")

    def test_no_value_is_never_alarming(self):
        """Grafana paints "no value" in the colour of the first step."""
        for board, panel in panels():
            defaults = panel["fieldConfig"]["defaults"]
            properties = [p for o in panel["fieldConfig"].get("overrides", []) for p in o["properties"]]
            found = [p["value"] for p in properties if p["id"] == "thresholds"]
            found += [defaults["thresholds"]] if "thresholds" in defaults else []
            for thresholds in found:
                first = thresholds["steps"][0]
                self.assertIsNone(first["value"], f"{board}: {panel['title']}")
                self.assertIn(first["color"], ("text", "blue"), f"{board}: {panel['title']}")


class Coverage(unittest.TestCase):
    def test_every_kpi_is_shown(self):
        shown = {
            found.metric
            for values in each_population()
            for query in queries()
            for found in selectors(parse(substitute(query.expr, values)))
        }
        self.assertEqual(catalogue.kpis() - shown, set())


if __name__ == "__main__":
    unittest.main()
