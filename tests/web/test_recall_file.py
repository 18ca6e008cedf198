"""Settings of a recall: from a file, from the command line, from the environment, and wrong ones."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.web import RecallConfig, load_recall
from opencoder_dag.web.domains import reviewed_patterns
from opencoder_dag.web.seed import read_labels
from tests.test_cli import command, refused
from tests.web.synthetic import crawl, write_warc

SMALL = "classifier: {vocabulary: 600, buckets: 2000, dimension: 8, epochs: 10}\nrounds: 2\n"


@pytest.fixture
def warc(tmp_path: Path) -> Path:
    """A crawl, with labels for some of its pages and settings that name them beside it."""
    labels = [f"{url}\t{'code' if '/manual/' in url else 'other'}" for url, _ in crawl() if "docs0" in url]
    labels += [f"{url}\tother" for url, _ in crawl() if "food0" in url]
    (tmp_path / "labels.tsv").write_text("\n".join(["url\tlabel", *labels]))
    (tmp_path / "patterns.txt").write_text("docs%/manual/%\n")
    (tmp_path / "recall.yaml").write_text(
        f"{SMALL}seed: {{by: labels, labels: labels.tsv}}\ndomains: {{reviewed: patterns.txt}}\n"
    )
    return write_warc(tmp_path / "crawl.warc.gz", crawl())


def test_no_file_is_the_defaults() -> None:
    assert load_recall(None, "http://127.0.0.1:1/v1") == RecallConfig()


def test_paths_are_relative_to_the_file_and_options_win(warc: Path, tmp_path: Path) -> None:
    config = load_recall(tmp_path / "recall.yaml", changes={"rounds": 5, "seed": {"labels": "/other.csv"}})
    assert (config.rounds, config.classifier.vocabulary, config.seed.by) == (5, 600, "labels")
    assert config.files() == {
        "seed.labels": "/other.csv",
        "domains.reviewed": str(tmp_path / "patterns.txt"),
    }


def test_the_judge_is_the_endpoint_of_the_settings_unless_named() -> None:
    endpoint = "http://127.0.0.1:1/v1"
    assert load_recall(None, endpoint, {"seed": {"by": "judge"}}).seed.judge.url == endpoint
    named = {"seed": {"by": "judge", "judge": {"url": "http://127.0.0.1:2/v1"}}}
    assert load_recall(None, endpoint, named).seed.judge.url == "http://127.0.0.1:2/v1"
    with pytest.raises(InputError, match=r"needs seed\.judge\.url"):
        load_recall(None, None, {"seed": {"by": "judge"}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: {bye: labels}", "seed.bye: unknown key; did you mean 'by'"),
        ("seed: {judge: {page: 3}}", "seed.judge.page: unknown key; did you mean 'pages'"),
        ("rounds: many", "rounds: Input should be a valid integer"),
        ("seed: labels", "seed: Input should be"),
        ("extraction: {tool: traflatura}", "extraction.tool: Input should be 'resiliparse' or 'trafilatura'"),
        ("seed: {by: labels}", "recall: seed.by 'labels' needs seed.labels"),
        ("- rounds", "must be a mapping"),
        ("rounds: [", "not YAML"),
        ("", "must be a mapping"),
    ],
)
def test_wrong_settings_are_one_line_with_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "recall.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as error:
        load_recall(file)
    assert str(file) in str(error.value) and message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml: No such file"):
        load_recall(tmp_path / "nowhere.yaml")


def test_the_command_takes_the_file_and_its_options(warc: Path, tmp_path: Path) -> None:
    arguments = ("recall", str(warc), "--json", "--out")
    settings = ("--settings", str(tmp_path / "recall.yaml"), "--rounds", "1")
    found = json.loads(command(tmp_path / "h", *arguments, str(tmp_path / "a"), *settings).stdout)
    assert found["facts"]["seed"]["by"] == "labels" and len(found["facts"]["rounds"]) == 1
    assert [row["pattern"] for row in found["facts"]["patterns"]] == ["docs%/manual/%"]
    kept = pq.read_table(tmp_path / "a" / "kept")["url"].to_pylist()
    assert len(kept) == found["counts"]["kept"] and not any("food" in url for url in kept)
    applied = command(tmp_path / "h", *arguments, str(tmp_path / "b"), "--model", str(tmp_path / "a"))
    assert json.loads(applied.stdout)["counts"] == found["counts"]


def test_unfinished_work_is_not_taken_over_by_other_settings(warc: Path, tmp_path: Path) -> None:
    """A recall that failed left a segmenter behind; the next one, of other pages, must not use it."""
    (tmp_path / "none.csv").write_text("url,label\nhttps://nowhere.org/,code\n")
    arguments = ("recall", str(warc), "--out", str(tmp_path / "a"), "--labels")
    refused(
        command(tmp_path / "h", *arguments, str(tmp_path / "none.csv")), "no page of the input is labelled"
    )
    assert (tmp_path / "a" / "segmenter").is_dir()
    other = command(tmp_path / "h", *arguments, str(tmp_path / "labels.tsv"))
    refused(other, str(tmp_path / "a"), "unfinished work from other input or settings")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("l.jsonl", "5\n", "row 1: needs url and label (has int)"),
        ("l.csv", "address,label\nx,1\n", "row 1: needs url and label (has address, label)"),
        ("l.csv", "url,label\nhttp://[abc/,1\n", "row 1: 'http://[abc/' is no URL"),
        ("l.csv", "url,label\nhttp://a.b/,perhaps\n", "row 1: label 'perhaps' is none of"),
        ("l.json", "[]", "must be .csv, .tsv, .jsonl or .parquet"),
    ],
)
def test_wrong_labels_are_one_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as error:
        read_labels(str(tmp_path / name))
    assert message in str(error.value) and name in str(error.value)


def test_labels_as_a_spreadsheet_writes_them(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("url,label\nhttps://a.b/c,1\n", encoding="utf-8-sig")
    assert read_labels(str(tmp_path / "l.csv")) == {"a.b/c": True}


def test_a_reviewed_pattern_with_a_scheme(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("# docs\nhttps://docs.python.org/3/%\n")
    with pytest.raises(InputError, match="must begin with the host"):
        reviewed_patterns(str(tmp_path / "p.txt"))


def test_nothing_runs_with_wrong_settings(tmp_path: Path) -> None:
    (tmp_path / "recall.yaml").write_text("round: 2")
    done = command(tmp_path / "home", "run", OPENCODER_RECALL=str(tmp_path / "recall.yaml"))
    refused(done, "recall.yaml: round: unknown key; did you mean 'rounds'")
    assert not (tmp_path / "home").exists()


def test_the_asset_follows_the_setting(warc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run `web_recall` itself, on a crawl, seeded by labels."""
    from assets.web_recall import web_recall
    from resources.dask import DaskResource
    from resources.lake import LakeResource

    monkeypatch.setenv("OPENCODER_RECALL", str(tmp_path / "recall.yaml"))
    monkeypatch.setenv("OPENCODER_WEB_INPUT", str(warc))
    resources = {"lake": LakeResource(root=str(tmp_path / "lake")), "dask": DaskResource(workers=1)}
    done = dg.materialize([web_recall], resources=resources)
    metadata = done.asset_materializations_for_node("web_recall")[0].metadata
    manifest = json.loads(Path(metadata["folder"].path, "manifest.json").read_text())
    assert manifest["config"]["seed"]["by"] == "labels" and len(manifest["facts"]["rounds"]) == 2
