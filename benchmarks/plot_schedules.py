"""Draw the learning-rate schedules of both papers into docs/images/schedules.png."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from opencoder_dag.train.schedule import Schedule

CURVES = {
    "WSD, OpenCoder": Schedule("wsd", 3e-4, 1e-5, 2_000, 373_000, 396_841),
    "WSD, linear": Schedule("wsd", 3e-4, 1e-5, 2_000, 373_000, 396_841, "linear"),
    "WSD, square root": Schedule("wsd", 3e-4, 1e-5, 2_000, 373_000, 396_841, "sqrt"),
    "WCL, Zhusuan": Schedule("wcl", 1e-3, 1e-4, 1_000, 10_000, 11_000),
    "cosine": Schedule("cosine", 3e-4, 1e-5, 2_000, 373_000, 396_841),
}


def main() -> None:
    figure, axis = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for name, schedule in CURVES.items():
        steps = [max(1, schedule.end * part // 2_000) for part in range(2_001)]
        rates = [schedule.rate(step) / schedule.peak for step in steps]
        axis.plot([step / schedule.end for step in steps], rates, label=name)
    axis.set(xlabel="share of all steps", ylabel="learning rate / peak", title="Learning rates")
    axis.legend()
    target = Path(__file__).parents[1] / "docs" / "images" / "schedules.png"
    target.parent.mkdir(exist_ok=True)
    figure.savefig(target, dpi=110)
    print(target)


if __name__ == "__main__":
    main()
