import pytest

from opencoder_dag.report.plots import bars, curves, grouped_bars, markdown_image, short_number


def test_plots_are_png_whatever_the_numbers():
    for image in (
        bars({}, "nothing", "files"),
        bars({f"language {n}": float(n) for n in range(40)}, "many", "bytes"),
        grouped_bars({"a": {"x": 1.0}, "b": {"y": 2.0}}, "groups", "share"),
        curves({"one point": [(1.0, 2.0)], "none": [], "line": [(0, 1), (1, 0)]}, "lines", "x", "y"),
        curves({"logarithmic": [(1.0, 2.0), (10.0, 3.0)]}, "lines", "x", "y", log_x=True, log_y=True),
        curves({"mean": [(0, 1), (1, 2)]}, "seeds", "x", "y", bands={"mean": [(0, 0.5, 1.5), (1, 1, 3)]}),
    ):
        assert image.startswith(b"\x89PNG")
        assert markdown_image(image, "alt").startswith("![alt](data:image/png;base64,iVBOR")


def test_the_same_numbers_give_the_same_bytes():
    assert bars({"a": 1.0}, "t", "u") == bars({"a": 1.0}, "t", "u")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1234, "1.23k"), (24_000_000, "24M"), (0.5, "0.5"), (-2e9, "-2B")],
)
def test_short_numbers(value: float, text: str):
    assert short_number(value) == text
