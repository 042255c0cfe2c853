"""The committed dashboards and their queries."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "grafana/dashboards"


@dataclass(frozen=True)
class PanelQuery:
    """One query of one panel, with Grafana's variables in it."""

    board: str
    panel: str
    letter: str
    expr: str
    instant: bool

    def __str__(self) -> str:
        return f"{self.board} / {self.panel} / {self.letter}"


def load() -> dict[str, dict]:
    """The dashboards by file name."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


BOARDS = load()


def panels() -> Iterator[tuple[str, dict]]:
    """Every panel with the title of its dashboard."""
    for board in BOARDS.values():
        for panel in board["panels"]:
            yield board["title"], panel


def queries() -> Iterator[PanelQuery]:
    """Every query of every panel."""
    for board, panel in panels():
        for target in panel["targets"]:
            yield PanelQuery(board, panel["title"], target["refId"], target["expr"], target.get("instant", False))


def annotations() -> Iterator[tuple[str, dict]]:
    """Every annotation with the title of its dashboard."""
    for board in BOARDS.values():
        for annotation in board["annotations"]["list"]:
            yield board["title"], annotation
