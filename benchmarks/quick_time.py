"""Times ``gluon-lstm reproduce --quick`` over all claims, and tells what each of them takes of it.

    python benchmarks/quick_time.py

Run it alone on the machine. With Keras, which ``make peers`` brings, it does more than without.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict

from common import run_command, write_result

from gluon_lstm.article.peers import find_keras


def main() -> None:
    """Times the command and writes ``docs/results/quick-time.json``."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "article"
        finished = run_command([sys.executable, "-m", "gluon_lstm", "reproduce", "--quick", "--output", str(output)])
        claims = {path.stem: read_claim(path) for path in sorted(output.glob("*.json"))}
    write_result("quick-time", {"seconds": finished.seconds, "claims": claims, "keras": find_keras() is not None})
    print(f"{finished.seconds:.0f} s")


def read_claim(path: Path) -> Dict[str, Any]:
    """Returns the seeds and runs of a claim's file, and the seconds that its runs took together."""
    content = json.loads(path.read_text(encoding="utf-8"))
    seconds = sum(run["seconds"] for run in content["runs"])
    return {"seeds": content["settings"]["seeds"], "runs": len(content["runs"]), "seconds": round(seconds, 1)}


if __name__ == "__main__":
    main()
