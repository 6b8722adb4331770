"""Times ``make demo`` as a newcomer meets it: in a fresh clone, with the install, and again without.

    python benchmarks/demo_time.py

The install takes as long as the network lets it; pip's cache is left out of it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from common import ROOT, run_command, summarize, write_result


def main() -> None:
    """Times both and writes ``docs/results/demo-time.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="demos once all is installed (default: 3)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "gluon-lstm"
        run_command(["git", "clone", "--quiet", str(ROOT), str(clone)])
        demo = ["make", "--silent", "-C", str(clone), "demo"]
        first, *others = (run_command(demo, {"PIP_NO_CACHE_DIR": "1"}).seconds for _ in range(arguments.rounds + 1))
        metrics = json.loads((clone / "runs/demo/evaluation/test/metrics.json").read_text(encoding="utf-8"))
    seconds = {"with_install": summarize([first]), "without_install": summarize(others)}
    write_result("demo-time", {"seconds": seconds, "test_accuracy": metrics["accuracy"]})
    print({name: f"{values['mean']:.1f} ± {values['sd']:.1f} s" for name, values in seconds.items()})


if __name__ == "__main__":
    main()
