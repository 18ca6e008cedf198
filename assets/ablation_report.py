"""`ablation_report`: every evaluated recipe beside the others and against the baseline."""

import dagster as dg

from opencoder_dag.lake import Dataset, write_bytes
from opencoder_dag.recipe import split_seed
from opencoder_dag.report.ablations import build_report, report_html, report_markdown
from opencoder_dag.report.plots import markdown_image
from opencoder_dag.report.scores import COMPLETE
from resources.lake import LakeResource
from resources.mlflow import MlflowResource
from resources.recipes import RecipeBook


def gather(lake: LakeResource) -> dict[str, dict[str, Dataset]]:
    """Newest outputs of the assets that the report reads: asset to recipe to dataset."""
    return {asset: lake.latest(asset) for asset in COMPLETE}


@dg.asset(group_name="cookbook", kinds={"markdown"}, deps=["eval_scores"])
def ablation_report(
    context: dg.AssetExecutionContext, lake: LakeResource, mlflow: MlflowResource, recipes: RecipeBook
) -> dg.MaterializeResult:
    """Recipes side by side: corpus, loss against tokens on common held-out code, scores, and verdicts."""
    outputs = gather(lake)
    known = {name: recipes.get(name) for name in {split_seed(run)[0] for run in outputs["eval_scores"]}}
    report = build_report(lake.open(), outputs, known)
    page = f"{lake.root}/reports/ablations.html"
    write_bytes(page, report_html(report).encode())
    pictures = {
        **report.plots,
        **{f"corpora: baseline and {each.recipe.name}": each.picture for each in report.ablations},
    }
    metadata = {
        "report": dg.MetadataValue.md(report_markdown(report)),
        **{title: dg.MetadataValue.md(markdown_image(image, title)) for title, image in pictures.items()},
        "HTML": dg.MetadataValue.path(page),
        "recipes": dg.MetadataValue.int(len(report.rows)),
    }
    if report.recipes:
        metadata["compare in MLflow"] = dg.MetadataValue.url(mlflow.compare_link(report.recipes))
    for recipe in report.recipes:
        mlflow.attach(recipe, page)
    return dg.MaterializeResult(metadata=metadata)
