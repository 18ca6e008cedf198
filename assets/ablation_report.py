"""`ablation_report`: every evaluated recipe in one table and three plots, as Markdown, HTML and artefact."""

import dagster as dg

from assets.materialization import markdown_table
from opencoder_dag.lake import Dataset, write_bytes
from opencoder_dag.report.ablations import ablation_plots, report_html, report_markdown
from opencoder_dag.report.plots import markdown_image
from opencoder_dag.report.scores import recipe_rows
from resources.lake import LakeResource
from resources.mlflow import MlflowResource
from resources.recipes import RecipeBook

GATHERED = ("filtered_corpus", "base_model", "base_scores", "eval_scores")


def gather(lake: LakeResource) -> dict[str, dict[str, Dataset]]:
    """Newest outputs of the assets that the report reads: asset to recipe to dataset."""
    return {asset: lake.latest(asset) for asset in GATHERED}


@dg.asset(group_name="cookbook", kinds={"markdown"}, deps=["eval_scores"])
def ablation_report(
    context: dg.AssetExecutionContext, lake: LakeResource, mlflow: MlflowResource, recipes: RecipeBook
) -> dg.MaterializeResult:
    """Recipes side by side: corpus, loss against tokens on common held-out code, scores."""
    outputs = gather(lake)
    rows = recipe_rows(outputs)
    known = [recipes.get(str(row["recipe"])) for row in rows]
    plots = ablation_plots(outputs)
    page = f"{lake.root}/reports/ablations.html"
    write_bytes(page, report_html(rows, known, plots).encode())
    metadata: dict[str, dg.MetadataValue] = {
        "report": dg.MetadataValue.md(report_markdown(rows, known) + "\n\n" + markdown_table(rows)),
        **{title: dg.MetadataValue.md(markdown_image(image, title)) for title, image in plots.items()},
        "HTML": dg.MetadataValue.path(page),
        "recipes": dg.MetadataValue.int(len(rows)),
    }
    if known:
        metadata["compare in MLflow"] = dg.MetadataValue.url(mlflow.compare_link(known))
    for recipe in known:
        mlflow.attach(recipe, page)
    return dg.MaterializeResult(metadata=metadata)
