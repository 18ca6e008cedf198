"""Learning rates: warm-up with a stable phase and decay (WSD), the Zhusuan curve (WCL), and cosine.

Steps count from 1: step `s` is the s-th optimizer step, so the peak is reached at step `warmup` and the
final rate at step `end`. Sources: MiniCPM and Zhusuan, methods page, section 2; OpenCoder, section 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

# Half-period of WCL's cosine over the length of the cosine phase: the published curve is cut at 45 % of it.
WCL_HALF_PERIOD = 20 / 9


@dataclass(frozen=True)
class Schedule:
    """A curve over `end` steps: warm-up to `warmup`, then until `stable_end`, then the decay."""

    kind: Literal["wsd", "wcl", "cosine"]
    peak: float
    final: float
    warmup: int
    stable_end: int
    end: int
    decay: Literal["exponential", "linear", "sqrt"] = "exponential"

    def rate(self, step: int) -> float:
        """Learning rate of optimizer step `step` (1 to `end`)."""
        warmup = min(self.warmup, max(1, self.stable_end // 2))  # a short run still reaches its peak
        if step <= warmup:
            return self.peak * step / warmup
        if self.kind == "cosine":
            return _cosine(self.peak, self.final, (step - warmup) / max(self.end - warmup, 1))
        if step <= self.stable_end:
            if self.kind == "wsd":
                return self.peak
            return self._wcl_cosine(step, warmup)
        progress = (step - self.stable_end) / max(self.end - self.stable_end, 1)
        if self.kind == "wcl":
            start = self._wcl_cosine(self.stable_end, warmup)
            return start + (self.final - start) * progress
        return _decay(self.decay, self.peak, self.final, progress)

    def _wcl_cosine(self, step: int, warmup: int) -> float:
        half_period = WCL_HALF_PERIOD * max(self.stable_end - warmup, 1)
        return _cosine(self.peak, self.final, (step - warmup) / half_period)


def _cosine(peak: float, floor: float, progress: float) -> float:
    return floor + 0.5 * (peak - floor) * (1 + math.cos(math.pi * progress))


def _decay(kind: str, peak: float, final: float, progress: float) -> float:
    """From `peak` at progress 0 to `final` at 1; exponential halves at equal distances."""
    if kind == "exponential" and final > 0:
        return peak * (final / peak) ** progress
    if kind == "sqrt":
        return final + (peak - final) * (1 - math.sqrt(progress))
    return final + (peak - final) * (1 - progress)
