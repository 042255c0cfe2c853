"""Docs name only metrics that are exposed, variables that exist, and files that are there."""

import re
import unittest

import catalogue
from boards import BOARDS, ROOT
from rules import RECORDED
from test_rules import anchors

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
# Words of a help desk's own: where a ticket came from.
FOREIGN = {"contact_form"}
# Families of an endpoint that counts tickets, which the help desk of the golden page is not.
ELSEWHERE = ("contact_tickets_request", "contact_tickets_rate_limit")
OURS = [ROOT / "docs/grafana.md", ROOT / "docs/runbooks.md"]


class Docs(unittest.TestCase):
    def test_every_metric_named_is_exposed(self):
        """A name that goes on with `<`, `*`, `{` of a placeholder or a lone `_` is a pattern, not a metric.

        Columns that are granted and indexes of a help desk's tables are none.
        """
        for page in PAGES:
            text = re.sub(r"(?:GRANT|CREATE INDEX) [^`\n]*", "", page.read_text(encoding="utf-8"))
            for name in re.findall(r"(?<![\w:/.-])contact_[a-z0-9_]*[a-z0-9](?![\w*<:/]|\$\{)", text):
                if name in FOREIGN or name.startswith(ELSEWHERE):
                    continue
                self.assertTrue(
                    catalogue.family(name) or any(name in record for record in RECORDED), f"{page.name}: {name}"
                )

    def test_links_lead_somewhere(self):
        for page in OURS:
            for path, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([\w-]+))?\)", page.read_text(encoding="utf-8")):
                if path.startswith("http"):
                    continue
                file = (page.parent / path).resolve() if path else page
                self.assertTrue(file.exists(), f"{page.name}: {path}")
                if anchor:
                    self.assertIn(anchor, anchors(file), f"{page.name}: {path}")

    def test_guide_names_every_variable_and_dashboard(self):
        text = (ROOT / "docs/grafana.md").read_text(encoding="utf-8")
        for board in BOARDS.values():
            self.assertIn(f"| {board['title'].split(' / ')[1]} |", text)
            for variable in board["templating"]["list"]:
                self.assertRegex(text, rf"\| (\w+, )?{variable['label']}(, \w+)? \|")


if __name__ == "__main__":
    unittest.main()
