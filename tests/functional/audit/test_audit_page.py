"""The page of the audit log, in a real browser if one is installed."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from click.testing import CliRunner

from handler.cli.main import main
from handler.emulator.server import Emulator
from handler.schedule.rollout_settings import RolloutSettings
from tests.support.depth import DEEP
from tests.support.preloaded_command import preloaded_command
from tests.support.rollout_log import RolloutLog, named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    Command = tuple[str, ...]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-extensions",
    "--disable-software-rasterizer",
    "--disable-site-isolation-trials",
    "--renderer-process-limit=1",
)
OWN_PROCESS = (sys.executable, "-m", "handler.cli")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here: apt-get install chromium"
)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulated cloud whose jobs still run when the page is loaded, however slowly."""
    with Emulator(job_seconds=300) as running:
        yield running


@pytest.fixture(scope="module")
def site(month: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page of a month, served by the command itself."""
    with serving(f"sqlite:///{month}", tmp_path_factory.mktemp("site")) as (url, _process):
        yield url


@pytest.fixture(scope="module")
def quick() -> Iterator[Command]:
    """The command where only its pages matter: its processes have their modules already."""
    modules = ("handler.cli.main", "handler.cli.audit.serve", "handler.cli.audit.web.server")
    with preloaded_command(*modules) as folder:
        yield (str(folder / "nightdrop"),)


@contextmanager
def serving(
    address: str, folder: Path, *options: str, command: Command = OWN_PROCESS, **settings: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `nightdrop audit serve` with a folder for temporary files, and give its URL."""
    call = [*command, "audit", "serve", "--port", "0", *options]
    environ = {**os.environ, **settings, "NIGHTDROP_AUDIT": address, "TMPDIR": str(folder)}
    environ |= {"PYTHONUNBUFFERED": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(call, env=environ, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        try:
            yield found[0], process
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="module")
def policy() -> str:
    """The content policy of every answer."""
    from handler.cli.audit.web.plugins.nightdrop_pages import POLICY

    return POLICY


@pytest.fixture(scope="module")
def seen() -> list[str]:
    """Every address that the browser asked for."""
    return []


@pytest.fixture(scope="module")
def page(site: str, seen: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page of a browser that records every request and accepts no error."""
    from playwright.sync_api import sync_playwright

    environ: dict[str, str | float | bool] = {
        **os.environ,
        "HOME": str(tmp_path_factory.mktemp("home")),
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(FLAGS), env=environ
        )
        context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 900})
        context.on("request", lambda request: seen.append(request.url))
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        yield page
        browser.close()


def ask(month: Path, sql: str) -> Any:  # noqa: ANN401 - whatever a query answers
    """Return the first cell that a query on the log finds."""
    with closing(sqlite3.connect(month)) as db:
        return db.execute(sql).fetchone()[0]


@needs_browser
def test_the_entry_page_leads_to_the_dashboard(page: Page) -> None:
    """With the figures of the month."""
    page.goto("/")
    assert page.title() == "Nightdrop audit log"
    assert page.locator(".figure").count() == 6
    assert page.locator(".figure b").nth(3).inner_text() == "2"


@needs_browser
def test_every_chart_is_drawn(page: Page) -> None:
    """Each with marks in it, not only axes, and no label twice on an axis."""
    page.goto("/")
    assert page.locator(".charts .card").count() == 4
    for card in page.locator(".charts .card").all():
        assert card.locator("rect[class^=fill], circle[class^=fill]").count() > 1
        labels = card.locator("svg.chart text").all_text_contents()
        assert len(set(labels)) == len(labels)


@needs_browser
def test_a_prepared_query_runs(page: Page) -> None:
    """Chosen from the list of queries."""
    page.goto("/nightdrop")
    page.get_by_text("What went wrong, by reason").click()
    page.locator(".rows-and-columns", has_text="the spec has errors").wait_for()
    assert page.title() == "What went wrong, by reason"


@needs_browser
def test_a_jobs_timeline_is_found_by_its_file(page: Page, month: Path) -> None:
    """Search, delivery, job, record: every step is a link."""
    subject = ask(
        month,
        "SELECT subject FROM deliveries JOIN jobs ON jobs.delivery = deliveries.key"
        " WHERE jobs.state = 'adopted'",
    )
    page.goto("/")
    page.get_by_placeholder("job, file, id or key").fill(subject)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=subject).click()
    page.locator("h1", has_text=subject).wait_for()
    page.locator("table.jobs a").click()
    page.locator("h1", has_text="adopted").wait_for()
    page.wait_for_load_state()
    steps = page.locator(".timeline li b").all_inner_texts()
    assert [step for step in steps if step.startswith("job.")] == [
        "job.planned", "job.sending", "job.unknown", "job.adopted", "job.finished",
    ]  # fmt: skip
    page.locator(".timeline .seq").first.click()
    page.locator("pre.record", has_text='"action": "delivery.received"').wait_for()


@needs_browser
def test_tables_lead_on_to_timelines(page: Page) -> None:
    """From deliveries, jobs and records."""
    for table, kind in (("deliveries", "delivery"), ("jobs", "job"), ("records", "delivery")):
        page.goto(f"/nightdrop/{table}")
        assert page.locator(f"td a[href^='/nightdrop/{kind}?']").count() > 20


@needs_browser
def test_no_request_leaves_this_machine(page: Page, seen: list[str], site: str) -> None:
    """Whatever page is opened, all it needs comes from the page itself."""
    paths = (
        "",
        "nightdrop",
        "nightdrop/jobs",
        "nightdrop/chain/5",
        "nightdrop/days",
    )
    for path in paths:
        page.goto(f"/{path}", wait_until="networkidle")
    assert len(seen) > 20
    assert [url for url in seen if not url.startswith((site, "data:"))] == []


def test_the_copy_holds_only_facts_and_records(site: str) -> None:
    """The request body of a job stays in the log's outbox."""
    answer = urllib3.request("GET", f"{site}/nightdrop.json").json()
    names = {table["name"] for table in answer["tables"] if not table["hidden"]}
    tables = {"deliveries", "jobs", "records", "chain", "checkpoints"}
    assert names == tables | {"rollouts", "waves", "nodes"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example:80"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_a_request_of_a_foreign_page_is_refused(
    site: str, policy: str, headers: dict[str, str], status: int
) -> None:
    """Its own name could lead to this machine; in one sentence."""
    refused = urllib3.request("GET", f"{site}/nightdrop", headers=headers)
    assert (refused.status, refused.data.count(b"\n")) == (status, 1)
    assert refused.headers["Content-Security-Policy"] == policy


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("", 200),
        ("nightdrop", 200),
        ("nightdrop/jobs?_facet=state", 200),
        ("nightdrop/find?what=x", 200),
        ("nightdrop/jobs.csv", 200),
        ("nope", 404),
        ("nightdrop/nope", 404),
        ("nightdrop/nope.csv", 404),
        ("nightdrop/jobs?_sort=nope", 400),
        ("nightdrop?sql=select+1", 403),
        ("nightdrop.json?sql=select+1", 403),
        ("nightdrop/jobs?_where=1", 403),
        ("-/nope", 404),
        ("page/nope.css", 404),
    ],
)
def test_every_answer_has_the_policy_and_no_error_is_bare(
    site: str, policy: str, path: str, status: int
) -> None:
    """Error pages are pages: nothing inline runs, and no traceback is shown."""
    answer = urllib3.request("GET", f"{site}/{path}")
    assert answer.status == status
    assert answer.headers["Content-Security-Policy"] == policy
    assert "unsafe" not in policy
    assert "Link" not in answer.headers
    assert b"Traceback" not in answer.data
    if status != 200 and "page" not in path:
        assert b"Nightdrop <span>audit log</span>" in answer.data


def test_an_error_prints_no_traceback_and_the_copy_is_gone_when_the_page_ends(
    month: Path, tmp_path: Path
) -> None:
    """Neither for a page that is not there, nor for an order that cannot be."""
    with serving(f"sqlite:///{month}", tmp_path, "--sql") as (url, process):
        assert [path.name[:15] for path in tmp_path.iterdir()] == ["nightdrop-page-"]
        for path in ("nope", "nightdrop/nope", "nightdrop/jobs?_sort=nope"):
            assert urllib3.request("GET", f"{url}/{path}").status in {400, 404}
        process.terminate()
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
MANY = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
SELECT i, zeroblob(50000000) FROM n LIMIT 900"""


def test_own_queries_are_limited_in_time_and_memory(month: Path, tmp_path: Path) -> None:
    """The page keeps running."""
    with serving(f"sqlite:///{month}", tmp_path, "--sql") as (url, process):

        def ask(sql: str) -> Any:  # noqa: ANN401 - urllib3's answer
            return urllib3.request("GET", f"{url}/nightdrop.json", fields={"sql": sql}, timeout=60)

        assert ask("SELECT 42 AS n").json()["rows"] == [[42]]
        if DEEP:  # it takes the five seconds of its time limit
            assert ask(ENDLESS).status == 400
        assert ask("SELECT hex(zeroblob(400000000)) AS n").status in {400, 500}
        assert ask(MANY).status in {400, 500}
        peak = Path(f"/proc/{process.pid}/status").read_text().partition("VmHWM:")[2].split()[0]
        assert int(peak) < 1_300_000
        assert ask("SELECT 43 AS n").json()["rows"] == [[43]]


# Datasette leaves a connection open when it is imported, which Python 3.13 says.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_time_of_a_query_is_limited(month: Path) -> None:
    """To seconds: Datasette ends it then."""
    from handler.cli.audit.web.server import build_site

    site = build_site(month, own_sql=True)
    assert site.setting("sql_time_limit_ms") == 5000


def test_a_foreign_name_stays_text(month: Path, site: str, tmp_path: Path, quick: Command) -> None:
    """A file's name is no markup, wherever it is shown."""
    copy = tmp_path / "audit.db"
    shutil.copy(month, copy)
    with closing(sqlite3.connect(copy)) as db:
        db.execute("UPDATE deliveries SET subject = 'obs://b/<img src=x>' || rowid")
        db.execute("UPDATE jobs SET name = '<img src=x>' || rowid, note = '<img src=x>'")
        db.commit()
    with serving(f"sqlite:///{copy}", tmp_path, command=quick) as (url, _process):
        for path in ("/", "/nightdrop/jobs", "/nightdrop/deliveries", "/nightdrop/find?what=img"):
            text = urllib3.request("GET", url + path).data.decode()
            assert "&lt;img src=x&gt;" in text
            assert "<img src=x>" not in text
    assert site


def test_an_occupied_port_is_reported(month: Path, site: str, quick: Command) -> None:
    """In a sentence, with status 2."""
    port = site.rpartition(":")[2]
    call = [*quick, "audit", "serve", "--port", port]
    environ = {**os.environ, "NIGHTDROP_AUDIT": f"sqlite:///{month}"}
    done = subprocess.run(call, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, f"port {port} is taken" in done.stderr) == (2, True)


def test_a_view_is_shown_as_a_table(site: str) -> None:
    """Its readers see a table, under the title it was given."""
    text = urllib3.request("GET", f"{site}/nightdrop/failures").data.decode()
    assert "<title>What went wrong</title>" in text
    assert "(view)" not in text


def test_the_first_view_has_what_waits_runs_and_failed(
    environ: dict[str, str], fire: Callable[[object], Any], tmp_path: Path, quick: Command
) -> None:
    """With the progress that IEF shows, or with the reason why there is none."""
    spec = {"kind": "node_upgrade", "name": "hall", "targets": {"nodes": ["gateway-north-1"]}}
    name = fire(spec)["jobs"][0]["job_name"]
    CliRunner().invoke(main, ["hold", "--reason", "<b>freeze</b>"], env=environ)
    fire({**spec, "name": "later"})
    with serving(environ["NIGHTDROP_AUDIT"], tmp_path, command=quick, **environ) as (url, _process):
        shown = urllib3.request("GET", url).data.decode()
    text = " ".join(re.sub(r"<[^>]+>", " ", shown).split())
    assert "Sending is on hold: &lt;b&gt;freeze" in text
    assert re.search(r"Waiting \(1\) later-\S+ sending is held", text)
    assert re.search(rf"Running \(1\) {name} [01] of 1", text)  # it may end meanwhile
    assert "Nothing failed." in text
    lost = {**environ, "NIGHTDROP_IEF_ENDPOINT": "http://127.0.0.1:9"}
    with serving(environ["NIGHTDROP_AUDIT"], tmp_path, command=quick, **lost) as (url, _process):
        shown = urllib3.request("GET", url).data.decode()
    assert "IEF is not asked: no connection to 127.0.0.1" in shown
    assert f">{name}</a>" in shown


@pytest.fixture(scope="module")
def rollouts(tmp_path_factory: pytest.TempPathFactory, quick: Command) -> Iterator[str]:
    """The page of two rollouts: one awaits an approval, one was paused by a breach."""
    one = RolloutLog(datetime.now(timezone.utc) - timedelta(hours=1))
    waves = {"waves": ("2", "100%"), "max_targets_per_job": 2}
    one.plan(named(6), RolloutSettings(**waves, approve_before=(2,)))  # type: ignore[arg-type]
    one.run({"id-00002"})
    skipped = (("offline <b>", named(1, 90)),)
    one.plan(named(6, 20), RolloutSettings(**waves, max_failed="0"), skipped)  # type: ignore[arg-type]
    one.run({"id-00020"})
    folder = tmp_path_factory.mktemp("rollouts")
    one.log.save(folder / "audit.db")
    with serving(f"sqlite:///{folder}/audit.db", folder, command=quick) as (url, _process):
        yield url


def test_the_first_view_shows_rollouts_and_their_waves(rollouts: str) -> None:
    """What each waits for, the failures by reason, when each wave ran."""
    shown = urllib3.request("GET", rollouts).data.decode()
    tables = {
        name: urllib3.request("GET", f"{rollouts}/nightdrop/{name}").data.decode()
        for name in ("rollouts", "waves", "nodes", "node_reasons", "open_items")
    }
    text = " ".join(re.sub(r"<[^>]+>", " ", shown).split())
    assert re.search(
        r"Rollout nightly-\S+ running .*? wave 1 of 2, 33 %, 4 pending, 1 succeeded, 1 failed "
        r"`nightdrop rollout approve nightly-\S+` lets wave 2 start 1 failed: no space wave 1 ",
        text,
    )
    assert re.search(r"Rollout nightly-\S+ paused .*? more than max_failed: 0 allows", text)
    assert re.search(r"wave 1 2 nodes, 1 failed .*? 10 min wave 2 4 nodes not started", text)
    assert "wave 1 of 2" in tables["open_items"]
    assert "offline &lt;b&gt;" in tables["node_reasons"]
    assert "gw-00020" in tables["nodes"]
    assert tables["waves"].count('<td class="col-wave') == 2
    assert "paused" in tables["rollouts"]


@needs_browser
def test_rollouts_fit_on_a_narrow_screen(rollouts: str, page: Page) -> None:
    """Nothing is cut off on a telephone."""
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(rollouts)
    assert page.locator(".rollouts .card").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_log_of_another_layout_is_shown_without_a_first_view(
    month: Path, tmp_path: Path, quick: Command
) -> None:
    """The page changes nothing, so it does not migrate the log either."""
    older = tmp_path / "older.db"
    shutil.copy(month, older)
    with closing(sqlite3.connect(older)) as database:
        database.execute("PRAGMA user_version = 1005")
    with serving(f"sqlite:///{older}", tmp_path, command=quick) as (url, _process):
        shown = urllib3.request("GET", url).data.decode()
    assert "<h1>Now</h1>" not in shown
    assert "is not shown: the log has the tables of another version" in shown
    assert "Requests to the fleet" in shown
    with closing(sqlite3.connect(older)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1005,)
