"""The whole recall on a small crawl: what is kept, what is said, and that nothing else changes the bytes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opencoder_dag.engine import SerialEngine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.web import RecallConfig, apply_recall, page_source, recall
from opencoder_dag.web.config import Domains, Seed
from tests.web.recall_process import CONFIG, SMALL_SHARDS
from tests.web.synthetic import crawl, prose, technical, write_warc


class PoolEngine:
    """Three processes, results as they come."""

    def map(self, function, items):
        with ProcessPoolExecutor(3) as pool:
            for future in as_completed([pool.submit(function, item) for item in reversed(items)]):
                yield future.result()


class DyingEngine:
    """Runs `tasks` tasks and then dies, as a killed process would."""

    def __init__(self, tasks: int) -> None:
        self.left = tasks

    def map(self, function, items):
        for item in items:
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            yield function(item)


@pytest.fixture(scope="module")
def warcs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crawl")
    pages = crawl()
    for number in range(3):
        write_warc(folder / f"crawl-{number}.warc.gz", pages[number::3])
    return folder


@pytest.fixture(scope="module")
def recalled(warcs, tmp_path_factory) -> Dataset:
    return run(tmp_path_factory.mktemp("lake"), warcs)


def run(
    lake: Path, warcs: Path, engine=None, shard_bytes: int = 1_000_000, config: RecallConfig = CONFIG
) -> Dataset:
    return recall(Lake(str(lake)), page_source(str(warcs)), config, shard_bytes, engine or SerialEngine())


def about_code(url: str) -> bool:
    return "/manual/" in url or "/dev/" in url or "mirror.org" in url


def test_conservation_and_truth(recalled):
    counts = recalled.manifest.counts
    assert counts["in"] == len(crawl()) == counts["kept"] + counts["removed"] + counts["quarantined"]
    urls = recalled.read("kept", ["url"])["url"].to_pylist()
    truth = {url for url, _ in crawl() if about_code(url)} - {"https://mirror.org/copy"}
    found = {url.split("#")[0] for url in urls}
    assert len(found) == len(urls)
    assert len(found & truth) >= 0.95 * len(truth) - 1  # one of the doubled pages gives way
    assert len(found - truth - {"https://mirror.org/copy"}) <= 0.05 * len(found)


def test_columns_of_a_kept_page(recalled):
    row = recalled.read().to_pylist()[0]
    assert row["source"] == "web" and row["doc_type"] == "text" and row["language"] == "markdown"
    assert row["domain"] == row["repo"] and row["path"].startswith("/")
    assert 0 <= row["score"] <= 1 and row["round"] in (1, 2, 3)
    block = next(row["content"] for row in recalled.read().to_pylist() if "```" in row["content"])
    assert "\n    " in block, "indentation of code is kept"


def test_every_removal_has_its_reason(recalled):
    reasons = recalled.manifest.reasons
    assert reasons["duplicate_content"] == 1 and reasons["duplicate_url"] == 1
    for row in recalled.read("removed").to_pylist():
        evidence = json.loads(row["evidence"])
        if row["reason"] == "below_threshold":
            assert evidence["score"] < evidence["threshold"] + 1e-6
        else:
            assert evidence["kept_url"].startswith("https://")


def test_rounds_leave_their_files_and_facts(recalled):
    facts = recalled.manifest.facts
    assert [row["round"] for row in facts["rounds"]] == [1, 2, 3]
    for row in facts["rounds"]:
        folder = Path(recalled.path) / f"round-{row['round']}"
        for name in ("model.bin", "domains.parquet", "patterns.parquet", "curve.json", "round.json"):
            assert (folder / name).stat().st_size > 0
        assert json.loads((folder / "round.json").read_text()) == row
        assert row["precision"] >= 0.95 and row["precision_reached"]
    by_site = facts["recalled_by_site"]
    assert facts["rounds"][-1]["recalled_pages"] + by_site == recalled.manifest.counts["kept"]
    assert any(site["code_related"] for site in facts["top_domains"])
    assert facts["curves"][0]["points"][-1][2] == 1.0, "the curve ends where everything is recalled"
    assert facts["examples"]["accepted"] and facts["examples"]["refused"]
    assert not (Path(recalled.path) / "tokens").exists()


def test_same_digest_for_workers_shards_and_order_of_files(recalled, warcs, tmp_path):
    assert run(tmp_path / "pool", warcs, PoolEngine()).digest == recalled.digest
    assert run(tmp_path / "small", warcs, shard_bytes=SMALL_SHARDS).digest == recalled.digest
    other = tmp_path / "other"
    other.mkdir()
    pages = crawl()
    for number in range(2):
        write_warc(other / f"z{9 - number}.warc.gz", pages[::-1][number::2])
    assert run(tmp_path / "order", other).digest == recalled.digest


@pytest.mark.parametrize("tasks", [4, 16])
def test_resumes_after_an_interruption(recalled, warcs, tmp_path, tasks):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, warcs, DyingEngine(tasks))
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    assert run(tmp_path, warcs).digest == recalled.digest
    again = {path for path in written if path.exists() and path.stat().st_mtime_ns != written[path]}
    by_tasks = {"kept", "removed", "quarantined", "tokens", "scores"}
    assert not {path for path in again if by_tasks & set(path.parts)}, "finished tasks are not redone"


KILL_AFTER = {  # what has just been written when the process is killed
    "extraction": "web_pages/*/files/*.json",
    "the second classifier": "web_recall/*/round-2/model.bin",
}


def test_resumes_after_kill_9(recalled, warcs, tmp_path):
    """One process is killed while it extracts, one while it trains: the third run finishes their work."""
    lake = tmp_path / "lake"
    argv = [sys.executable, "-m", "tests.web.recall_process", str(lake), str(warcs)]
    for stage, written in KILL_AFTER.items():
        process = subprocess.Popen(argv, cwd=Path(__file__).parents[2], stderr=subprocess.PIPE)
        while process.poll() is None and not any(lake.glob(written)):
            time.sleep(0.001)
        process.kill()
        _, said = process.communicate()
        assert process.returncode == -signal.SIGKILL, f"{stage}: ended by itself: {said.decode()[-2000:]}"
        assert not any(lake.glob("web_recall/*/manifest.json")), stage
    kept = {path: path.stat().st_mtime_ns for path in lake.glob("web_recall/*/round-*/model.bin")}
    finished = run(lake, warcs, shard_bytes=SMALL_SHARDS)
    assert finished.digest == recalled.digest
    assert kept and all(path.stat().st_mtime_ns == then for path, then in kept.items())


def test_reuse_does_no_work(recalled, warcs):
    again = recall(
        Lake(str(Path(recalled.path).parents[1])), page_source(str(warcs)), CONFIG, 10, DyingEngine(0)
    )
    assert again.reused and again.digest == recalled.digest


def test_another_recall_shares_the_extraction(recalled, warcs):
    lake = Path(recalled.path).parents[1]
    other = run(lake, warcs, config=CONFIG.model_copy(update={"rounds": 1}))
    assert other.manifest.facts["extraction"]["reused"] and len(other.manifest.facts["rounds"]) == 1


def test_labels_from_a_file(warcs, tmp_path):
    labels = tmp_path / "labels.csv"
    rows = [
        f"{url},{'code' if about_code(url) else 'noncode'}"
        for url, _ in crawl()
        if "mixed" not in url and "#" not in url
    ]
    labels.write_text("url,label\n" + "\n".join(rows[::3]))
    seed = Seed(by="labels", labels=str(labels))
    result = run(tmp_path / "lake", warcs, config=CONFIG.model_copy(update={"seed": seed}))
    mixed = {url for url in result.read("kept", ["url"])["url"].to_pylist() if "mixed" in url}
    assert mixed == {url for url, _ in crawl() if "mixed" in url and "/dev/" in url}


def test_labels_that_are_wrong_are_refused(warcs, tmp_path):
    for text, said in {
        "url,label\nhttps://docs0.code0.org/manual/page1.html,maybe": "label 'maybe'",
        "address,label\nx,1": "needs url and label",
        "url,label\nhttps://nowhere.org/,1": "no page of the input",
    }.items():
        labels = tmp_path / "labels.csv"
        labels.write_text(text)
        config = CONFIG.model_copy(update={"seed": Seed(by="labels", labels=str(labels))})
        with pytest.raises(InputError, match=said):
            run(tmp_path / "lake", warcs, config=config)


def test_too_few_pages_to_learn_from(tmp_path):
    write_warc(tmp_path / "one.warc.gz", crawl()[:1])
    with pytest.raises(InputError, match="seed pages"):
        run(tmp_path / "lake", tmp_path / "one.warc.gz")


def apply(lake: Path, model: str, pages: Path) -> Dataset:
    return apply_recall(Lake(str(lake)), model, page_source(str(pages)), CONFIG, 1_000_000, SerialEngine())


def test_the_classifier_applies_to_another_corpus(recalled, warcs, tmp_path):
    applied = apply(tmp_path, recalled.path, warcs / "crawl-1.warc.gz")
    urls = {row["url"]: row["score"] for row in recalled.read().to_pylist()}
    found = {row["url"]: row["score"] for row in applied.read().to_pylist()}
    here = {url for url, _ in crawl()[1::3]}
    assert {url: score for url, score in urls.items() if url in here}.items() <= found.items()
    again = apply(tmp_path / "next", applied.path, warcs / "crawl-1.warc.gz")
    assert again.digest == applied.digest


def test_text_files_of_repositories_pass_name_and_classifier(recalled, tmp_path):
    """Of a corpus of code (a stage folder: only what it kept) by file name first, then by the classifier."""
    files = {
        "README.md": technical("readme"),
        "docs/notes.txt": prose("notes"),
        "CMakeLists.txt": technical("cmake"),
        "todo": prose("todo"),
        "main.py": technical("code"),
    }
    corpus = tmp_path / "corpus"
    rows = {"repo": ["git.org/a/b"] * 5, "path": list(files), "content": list(files.values())}
    for part, table in (("kept", pa.table(rows)), ("removed", pa.table({"doc_id": ["1"], "reason": ["x"]}))):
        (corpus / part).mkdir(parents=True)
        pq.write_table(table, corpus / part / "part-00000.parquet")
    (corpus / "manifest.json").write_text("{}")
    applied = apply(tmp_path / "lake", recalled.path, corpus)
    base = "https://git.org/a/b"
    kept = applied.read("kept", ["url"])["url"].to_pylist()
    assert sorted(kept) == [f"{base}/CMakeLists.txt", f"{base}/README.md"]
    assert applied.manifest.reasons == {"below_threshold": 2}
    assert applied.manifest.counts["quarantined"] == 0
    assert applied.manifest.facts["extraction"]["skipped_records"] == {"file_name": 1}


def test_reviewed_patterns_decide(warcs, tmp_path):
    reviewed = tmp_path / "reviewed.txt"
    wanted = ["docs0.code0.org/manual/%", "mixed.example.net/dev/%", "nowhere.org/%"]
    reviewed.write_text("# looked at\n" + "\n".join(wanted))
    config = CONFIG.model_copy(update={"rounds": 1, "domains": Domains(reviewed=str(reviewed))})
    first = run(tmp_path / "lake", warcs, config=config)
    patterns = pq.read_table(first.file("round-1/patterns.parquet")).to_pylist()
    assert sorted(row["pattern"] for row in patterns if row["accepted"]) == wanted
    assert any(row["share"] == 1.0 and not row["accepted"] for row in patterns), "the rule has no say"
    reviewed.write_text(wanted[0])
    again = run(tmp_path / "lake", warcs, config=config)
    assert not again.reused and again.manifest.facts["rounds"][0]["patterns"] == 1
    reviewed.write_text("%")
    with pytest.raises(InputError, match="would match every page"):
        run(tmp_path / "lake", warcs, config=config)


def test_a_folder_without_a_classifier_is_refused(recalled, warcs, tmp_path):
    with pytest.raises(InputError, match="not a finished stage folder"):
        apply(tmp_path, str(warcs), warcs)
    pages = next((Path(recalled.path).parents[1] / "web_pages").iterdir())
    with pytest.raises(InputError, match="no classifier"):
        apply(tmp_path, str(pages), warcs)
