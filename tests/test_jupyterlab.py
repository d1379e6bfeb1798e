"""An explorer in JupyterLab, driven as a reader would: the player of the book, and widgets."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest
import torch
from browser import watch
from playwright.sync_api import Page

from capsedu.explore.toy import toy_children, toy_weight
from capsedu.routing.dynamic import dynamic_routing_steps
from capsedu.routing.voteless import child_votes

PATIENCE = 120  # seconds; half a minute is enough for all of it when the machine is idle
CELLS = [
    "import ipywidgets\n"
    "from capsedu.explore.explorers import routing\n"
    "from capsedu.explore.widgets import live\n"
    "routing()",
    "slider = ipywidgets.IntSlider(2, 1, 10)\n"
    "live(lambda iterations: routing(iterations=iterations), iterations=slider)",
]
# JupyterLab must ask nobody for news, updates or extensions: they are out of reach here.
QUIET = {"fetchNews": "false", "checkForUpdates": False}
OPTIONS = [
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--IdentityProvider.token=",  # this machine only, and for a minute
    "--LabApp.extension_manager=readonly",
    "--LabApp.expose_app_in_browser=True",  # so that a test can call JupyterLab's commands
]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def own_folders(home: Path) -> dict[str, str]:
    """An environment in which Jupyter reads and writes nothing of the user's."""
    folders = {
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    return {**os.environ, **{name: str(home / folder) for name, folder in folders.items()}}


def wait_for_answer(address: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        assert server.poll() is None, log.read_text()[-4000:]
        try:
            return urlopen(f"{address}/api", timeout=5).close()
        except (URLError, TimeoutError):
            assert time.monotonic() < end, log.read_text()[-4000:]
            time.sleep(0.2)


@pytest.fixture
def notebook(browser, tmp_path: Path) -> Iterator[str]:
    """The address of a new notebook in a JupyterLab of its own, which ends with the test."""
    settings = tmp_path / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(QUIET))
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    content.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    folder = tmp_path / "notebooks"
    folder.mkdir()
    nbformat.write(content, folder / "explorers.ipynb")

    port, log = free_port(), tmp_path / "log.txt"
    command = [sys.executable, "-m", "jupyterlab", *OPTIONS]
    command += [f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}"]
    with log.open("w") as output:
        server = subprocess.Popen(
            command, env=own_folders(tmp_path), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_for_answer(f"http://127.0.0.1:{port}", server, log)
        yield f"http://127.0.0.1:{port}/lab/tree/explorers.ipynb?reset"
    finally:
        server.terminate()  # and with it the kernel
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()


def run_all_cells(page: Page) -> None:
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_function(
        "jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"
    )
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")


def test_explorers_in_jupyterlab(notebook: str, page: Page) -> None:
    troubles = watch(page)
    page.set_default_timeout(1000 * PATIENCE)
    page.set_viewport_size({"width": 1280, "height": 2400})  # both players in sight
    page.goto(notebook)
    run_all_cells(page)

    player = page.locator(".jp-OutputArea .capsedu-player").first
    caption = player.locator("p.caption.now")
    slider = player.locator("input.step")
    slider.press("Home")
    first = caption.inner_text()
    player.locator("button.next").click()
    player.locator("button.next").click()
    assert player.locator("span.label").inner_text() == "iteration 3 of 3"
    assert caption.inner_text() != first
    assert player.locator("img").first.is_hidden()  # the still picture, where no script runs

    *_, last = dynamic_routing_steps(child_votes(toy_children(), toy_weight()), 3)
    shown = player.evaluate("host => host.capsedu.steps[host.capsedu.index].poses")
    torch.testing.assert_close(torch.tensor(shown), last.poses[0])

    # The widget under the second explorer makes Python compute once more.
    labels = page.locator(".jp-OutputArea .capsedu-player span.label")
    labels.nth(1).filter(has_text="of 2").wait_for()
    page.locator(".widget-slider [role=slider]").press("ArrowRight")
    labels.nth(1).filter(has_text="of 3").wait_for()

    assert troubles == []
