"""Docs name only metrics that are exposed, variables that exist, and files that are there."""

import re
import unittest

import catalogue
from boards import BOARDS, ROOT
from rules import RECORDED
from test_rules import anchors

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
OURS = [ROOT / "docs/grafana.md", ROOT / "docs/runbooks.md"]


class Docs(unittest.TestCase):
    def test_every_metric_named_is_exposed(self):
        """A name that goes on with `<`, `*`, `{` of a placeholder or a lone `_` is a pattern, not a metric.

        What is granted are columns of a help desk's tables.
        """
        for page in PAGES:
            text = re.sub(r"^GRANT .*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
            for name in re.findall(r"(?<![\w:/.-])contact_[a-z0-9_]*[a-z0-9](?![\w*<:/]|\$\{)", text):
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
