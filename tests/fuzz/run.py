"""Fuzz the parsers of what strangers send: `python tests/fuzz/run.py [TARGET...] [--seconds N]`.

Needs atheris, which is no dependency of mailtls: `pip install atheris` into an environment that has mailtls and pytest's dependencies.
Prints one line a target: executions, and what was found. Leaves with 1 where anything was; the input lies beside the message.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]


def targets() -> list[str]:
    """Return the names of all targets: `answer` for fuzz_answer.py."""
    return sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py") if path.stem != "fuzz_seeds")


def fuzz(name: str, seconds: int, found: Path) -> bool:
    """Fuzz one target in a process of its own, which libFuzzer ends. Returns whether nothing was found."""
    with tempfile.TemporaryDirectory() as corpus:
        command = [sys.executable, __file__, name, "--inside", corpus, "--seconds", str(seconds), "--found", str(found)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    counted = re.search(r"stat::number_of_executed_units: *([0-9]+)", done.stderr) or re.search(r"Done ([0-9]+) runs", done.stderr)
    outcome = "nothing found" if done.returncode == 0 else "FOUND" if counted else "it did not begin"
    print(f"{name}: {counted[1] if counted else 0} executions, {outcome}", flush=True)
    if done.returncode:
        print(done.stdout[-2_000:], done.stderr[-4_000:], sep="\n")
    return done.returncode == 0


def inside(name: str, corpus: Path, seconds: int, found: Path) -> None:
    """Be the process that fuzzes."""
    import atheris

    with atheris.instrument_imports(include=["mailtls.tls", "mailtls.smtp", "mailtls.trust"]):
        target = importlib.import_module(f"fuzz_{name}")
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", "-max_len=2500", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], str(corpus), *options, f"-artifact_prefix={found}/{name}-"], target.one)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(targets())}; all where none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--found", type=Path, default=Path(tempfile.gettempdir()), help="directory for inputs that break an invariant")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.targets) - set(targets()):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    if options.inside is not None:
        inside(options.targets[0], options.inside, options.seconds, options.found)
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is missing; pip install atheris")
    options.found.mkdir(parents=True, exist_ok=True)
    outcomes = [fuzz(name, options.seconds, options.found) for name in options.targets or targets()]
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
