"""What a person does who opens the pages, in a real browser: schedule, watch, follow, compare, read the report.

Pictures of what was seen are kept in ``.screenshots/``.
"""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import mlflow
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.served import Served
from tests.world import ROOT, call, edit_params

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]  # MLflow's own

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SHOTS = ROOT / ".screenshots"
SECONDS = 1000  # in the milliseconds of playwright
OPENS_IN = 2.0


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found, f"no browser is installed: one of {NAMES}; or leave these tests out: -m 'not browser'"
    SHOTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-quic"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(30 * SECONDS)
        expect.set_options(timeout=30 * SECONDS)  # pages of servers that share two cores with the rest of the tests
        yield page
        browser.close()


@pytest.fixture(scope="module")
def served(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A finished world in which round r1 has to run again."""
    folder = tmp_path_factory.mktemp("browsed") / "world"
    shutil.copytree(finished, folder, symlinks=True)
    edit_params(folder, lambda params: params["pseudo_labels"]["heads"]["race"]["rules"][0].update(least=0.36))
    served = Served(folder)
    served.start()
    yield served
    served.stop()


def _keep(page: Page, name: str) -> None:
    page.screenshot(path=SHOTS / f"{name}.png", full_page=name in ("report", "plots"))


def test_a_distillation_is_scheduled_run_and_followed_to_its_record(served: Served, page: Page):
    page.goto(f"{served.prefect}/deployments")
    page.get_by_text("distil", exact=True).first.click()
    page.get_by_role("button", name="Schedule", exact=True).click()
    page.locator("input[type=number]").fill("90")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Every 1 hour, 30 minutes").first).to_be_visible()
    _keep(page, "scheduled")
    (schedule,) = served.api("GET", "/deployments/name/distillation/distil")["schedules"]
    assert schedule["schedule"]["interval"] == 90 * 60

    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Quick run").first.click()
    page.locator('a[href*="/runs/flow-run/"]').first.click()
    page.get_by_text("Running", exact=True).first.wait_for(timeout=120 * SECONDS)
    expect(page.get_by_text("Stage 'faces@studio' didn't change, skipping")).to_be_visible(timeout=120 * SECONDS)
    _keep(page, "running")
    page.get_by_text("Completed", exact=True).first.wait_for(timeout=300 * SECONDS)
    _keep(page, "completed")

    page.get_by_text("Artifacts", exact=True).last.click()
    for artifact in ("student-r1", "round-r1", "mlflow-r1", "r1-confusion-print-race-png"):
        expect(page.get_by_text(artifact, exact=True).first).to_be_visible()
    _keep(page, "artifacts")
    page.get_by_text("round-r1", exact=True).first.click()
    expect(page.get_by_role("table").get_by_text("expression").first).to_be_visible()
    _keep(page, "table")
    page.go_back()
    page.get_by_text("Artifacts", exact=True).last.click()
    page.get_by_text("mlflow-r1", exact=True).first.click()
    page.goto(str(page.get_by_role("link", name="round r1 in MLflow").get_attribute("href")))
    expect(page.get_by_text("target/mean", exact=True).first).to_be_visible()
    assert served.mlflow in page.url
    _keep(page, "record")


def test_two_rounds_are_compared(served: Served, page: Page):
    client = mlflow.MlflowClient(f"sqlite:///{served.folder}/runs/mlflow.db")
    experiment = client.get_experiment_by_name("distillery")
    assert experiment is not None
    rounds = [run for run in client.search_runs([experiment.experiment_id]) if "round" in run.data.tags]
    asked = {"runs": json.dumps([run.info.run_id for run in rounds]), "experiments": json.dumps(["1"])}
    page.goto(f"{served.mlflow}/#/compare-runs?{urlencode(asked)}")
    expect(page.get_by_text(f"Comparing {len(rounds)} Runs")).to_be_visible()
    _keep(page, "compared")


def test_the_report_opens_at_once_and_its_faces_can_be_filtered(served: Served, page: Page):
    began = time.monotonic()
    page.goto((served.folder / "data/report/index.html").as_uri(), wait_until="load")
    assert time.monotonic() - began < OPENS_IN
    faces = page.locator("#images figure")
    everything = faces.filter(visible=True).count()
    assert everything == faces.count() > 0
    page.get_by_label("refused").check()
    assert page.locator("#images .kept figure").filter(visible=True).count() == 0
    refused = faces.filter(visible=True).count()
    assert refused == page.locator("#images .refused figure").count()
    page.get_by_label("all", exact=True).check()
    page.get_by_label("wrong").check()
    assert faces.filter(visible=True).count() == page.locator("#images figure.wrong").count() < everything
    page.get_by_label("any").check()
    _keep(page, "report")


def test_dvc_plots_are_drawn_without_the_web(served: Served, page: Page):
    address = call(served.folder, "tasks.support.commands", "plots").strip().splitlines()[-1]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    expect(page.locator("#data_target_csv svg.marks").first).to_be_visible()
    expect(page.locator("[id$=_csv]:has(svg.marks)")).to_have_count(page.locator("[id$=_csv]").count())
    assert asked == [address]
    _keep(page, "plots")
