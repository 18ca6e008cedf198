"""Where things run, not what is run: the home folder, services and limits of this machine.

Every field is an environment variable with the prefix `OPENCODER_`, and every default works offline on a
laptop. What is run is a recipe (`recipe.py`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from opencoder_dag.errors import InputError


class Settings(BaseSettings):
    """The settings of one installation, read from `OPENCODER_*` environment variables."""

    model_config = SettingsConfigDict(env_prefix="OPENCODER_", extra="ignore", frozen=True)

    home: Path = Field(
        Path("~/.opencoder"), description="folder of the lake, checkpoints, Dagster and MLflow"
    )
    lake: str | None = Field(None, description="fsspec address of the lake; default HOME/lake")
    recipes: Path | None = Field(None, description="a folder of further recipe files")
    scale: str = Field("laptop", description="overlay on every recipe: smoke, laptop, study, or paper")

    seeds: int = Field(1, gt=0, description="how often each recipe is run, with other seeds")

    sources: str = Field("installed", description="comma-separated: installed, or folders of repositories")
    source_bytes: int = Field(24_000_000, gt=0, description="bytes of raw code to collect")
    shard_bytes: int = Field(4_000_000, gt=0, description="bytes of content a shard of the corpus")
    web_input: str | None = Field(
        None, description="WARC, WET or Parquet path or glob; default installed docs"
    )

    recall: Path | None = Field(None, description="YAML file with settings of the web recall")
    web_bytes: int = Field(20_000_000, gt=0, description="bytes of installed documentation to read")

    dask_address: str | None = Field(None, description="scheduler to use, such as tcp://127.0.0.1:8786")
    dask_workers: int = Field(default_factory=lambda: os.cpu_count() or 1, gt=0, description="local workers")

    ranks: int = Field(2, gt=0, description="training processes on each host")
    hostfile: Path | None = Field(None, description="DeepSpeed hostfile for several hosts")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where models are trained")

    mlflow_uri: str | None = Field(None, description="tracking server; default SQLite in HOME/mlflow")
    llm_url: str | None = Field(None, description="OpenAI-compatible endpoint to ask, judge by or score")
    sandbox: Literal["auto", "bubblewrap", "process"] = Field(
        "auto", description="how programs are contained"
    )

    alert_url: str | None = Field(None, description="address that failed runs and checks are posted to")

    dagster_port: int = Field(3000, gt=0, lt=65536)
    mlflow_port: int = Field(5000, gt=0, lt=65536)

    @field_validator("home", "recipes", "hostfile", "recall")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @property
    def lake_root(self) -> str:
        """fsspec address of the lake."""
        return self.lake or str(self.home / "lake")

    @property
    def tracking_uri(self) -> str:
        """MLflow tracking address; the default is a SQLite file by absolute path."""
        return self.mlflow_uri or f"sqlite:///{self.home / 'mlflow' / 'mlflow.db'}"

    @property
    def mlflow_page(self) -> str:
        """Where people open MLflow: the tracking server itself, or the one that `opencoder-dag ui` starts."""
        served = self.mlflow_uri if (self.mlflow_uri or "").startswith("http") else None
        return (served or f"http://127.0.0.1:{self.mlflow_port}").rstrip("/")

    @property
    def dagster_page(self) -> str:
        """Where people open Dagster."""
        return f"http://127.0.0.1:{self.dagster_port}"


def load_settings() -> Settings:
    """Read the settings; raises `InputError` naming the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "OPENCODER_" + "_".join(str(part) for part in first["loc"]).upper()
        raise InputError(f"{name}: {first['msg']} (got {first['input']!r})") from None
