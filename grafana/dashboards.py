#!/usr/bin/env python3
"""Writes `grafana/dashboards/*.json`. Edit `grafana/boards/`, run this, commit both.

.venv/bin/pip install -r grafana/requirements.txt
.venv/bin/python grafana/dashboards.py          # writes
.venv/bin/python grafana/dashboards.py --check  # writes nothing; fails if a file differs
"""

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

sys.path.insert(0, str(Path(__file__).parent))

from boards import direction, exporter, managers, planning, team  # noqa: E402

OUTPUT = Path(__file__).parent / "dashboards"
BOARDS = {
    "direction.json": direction.build,
    "managers.json": managers.build,
    "planning.json": planning.build,
    "team.json": team.build,
    "exporter.json": exporter.build,
}


def render() -> dict[str, str]:
    """The files by name. Sorted keys and one final newline, so that they are the same on every machine."""
    return {
        name: json.dumps(build(), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for name, build in BOARDS.items()
    }


def differences() -> list[str]:
    """Names of files that are missing, stale, or made by nobody."""
    rendered = render()
    found = {path.name: path.read_text(encoding="utf-8") for path in OUTPUT.glob("*.json")}
    return sorted(name for name in rendered.keys() | found.keys() if rendered.get(name) != found.get(name))


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        stale = differences()
        for name in stale:
            print(
                f"grafana/dashboards/{name} is not what grafana/boards makes: run grafana/dashboards.py",
                file=sys.stderr,
            )
        return 1 if stale else 0
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    OUTPUT.mkdir(exist_ok=True)
    rendered = render()
    for path in OUTPUT.glob("*.json"):
        if path.name not in rendered:
            path.unlink()
    for name, text in rendered.items():
        (OUTPUT / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
