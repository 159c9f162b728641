"""How often each deed, transition and verdict occurred over a run, and which laws were broken."""

from collections import Counter
from dataclasses import dataclass, field

from stagenorm_pipeline.engine.verify.result import Verdict
from stagenorm_pipeline_tests.histories.model import BATCH_TRANSITIONS, PLAN_TRANSITIONS

# What was counted: its kind (deed, plan, batch, verdict), and which one.
Counted = tuple[str, str]


@dataclass(kw_only=True)
class Census:
    """The counts of one run."""

    counts: Counter[Counted] = field(default_factory=Counter)
    histories: int = 0
    steps: int = 0
    # For each broken law in which history it was seen first, in how many, and an example.
    broken: dict[str, tuple[int, str]] = field(default_factory=dict)
    broken_counts: Counter[str] = field(default_factory=Counter)

    def deed(self, name: str, outcome: str) -> None:
        self.steps += 1
        self.counts["deed", f"{name}: {outcome}"] += 1

    def transition(self, what: str, before: str | None, after: str, times: int) -> None:
        self.counts[what, f"{before or 'none'} -> {after}"] += times

    def verdict(self, verdict: Verdict) -> None:
        self.counts["verdict", verdict.value] += 1

    def broke(self, law: str, detail: str) -> None:
        self.broken.setdefault(law, (self.histories, detail))
        self.broken_counts[law] += 1

    def never(self, deeds: set[str]) -> list[str]:
        """What should have occurred and did not: the deeds, every lawful transition, every verdict."""
        expected = {
            *(("plan", f"{before or 'none'} -> {after}") for before, after in PLAN_TRANSITIONS),
            *(("batch", f"{before or 'none'} -> {after}") for before, after in BATCH_TRANSITIONS),
            *(("verdict", verdict.value) for verdict in Verdict),
        }
        ended = [name.partition(": ") for kind, name in self.counts if kind == "deed"]
        done = {name for name, _, outcome in ended if outcome.startswith(("done", "killed"))}
        missing = {f"{kind} {name}" for kind, name in expected if not self.counts[kind, name]}
        return sorted(missing | {f"deed {deed}" for deed in deeds - done})

    def table(self) -> str:
        """The counts as text, most frequent first within each kind."""
        lines = [f"{self.histories:,} histories, {self.steps:,} steps"]
        for kind in ("deed", "plan", "batch", "verdict"):
            found = [(count, name) for (of, name), count in self.counts.items() if of == kind]
            lines += [f"  {kind:8} {name:50} {count:>9,}" for count, name in sorted(found, reverse=True)]
        return "\n".join(lines)

    def findings(self) -> str:
        """The broken laws as text: first history, number of histories, law."""
        found = sorted((first, law) for law, (first, _) in self.broken.items())
        return "\n".join(
            f"  first in history {first:>5,}, in {self.broken_counts[law]:>5,} in all: {law}\n"
            + "\n".join(f"      {line}" for line in self.broken[law][1].splitlines())
            for first, law in found
        )
