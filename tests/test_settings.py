import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.settings import load_settings


def test_defaults_need_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("OPENCODER_HOME", raising=False)
    settings = load_settings()
    assert settings.home == tmp_path / ".opencoder"
    assert settings.tracking_uri == f"sqlite:///{tmp_path}/.opencoder/mlflow/mlflow.db"


@pytest.mark.parametrize(
    ("name", "value"),
    [("RANKS", "0"), ("DEVICE", "abacus"), ("SHARD_BYTES", "big"), ("DAGSTER_PORT", "70000")],
)
def test_a_wrong_setting_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"OPENCODER_{name}", value)
    with pytest.raises(InputError, match=f"OPENCODER_{name}: .*{value}"):
        load_settings()


def test_a_served_mlflow_is_linked_as_it_is(monkeypatch):
    monkeypatch.setenv("OPENCODER_MLFLOW_URI", "http://127.0.0.1:7777/")
    assert load_settings().mlflow_page == "http://127.0.0.1:7777"
