"""The command line: ``capsedu list | train | evaluate | record | env | assignment``.

Heavy libraries are imported inside the commands, so that ``capsedu --help`` is quick.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from capsedu import assignment_cli

app = typer.Typer(
    help="Train, evaluate and record the experiments of the capsedu book.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(assignment_cli.app, name="assignment")
console = Console()

Name = Annotated[str, typer.Argument(help="An experiment; `capsedu list` shows them.")]
ProfileName = Annotated[
    str, typer.Option("--profile", help="smoke, quick, small, cpu, full, or auto.")
]
Seed = Annotated[int, typer.Option(help="Of weights, order and transforms.", min=0)]
Runs = Annotated[Path, typer.Option("--runs", help="The folder that holds the runs.")]
Data = Annotated[
    str | None,
    typer.Option("--data", help="Other images: digits, fashion-mnist, folder:PATH, npz:PATH, …"),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")]
Devices = Annotated[int, typer.Option(help="GPUs (or CPU processes) that share a batch.", min=1)]
Precision = Annotated[
    str | None, typer.Option(help="Such as 32-true or bf16-mixed; the profile's by default.")
]


@app.command("list")
def list_experiments() -> None:
    """Show every experiment, its profiles, and which of them have a record."""
    from capsedu.experiments import EXPERIMENTS
    from capsedu.profiles import PROFILES
    from capsedu.records import record_path

    table = Table("experiment", "what it is", "profiles (* has a record)", box=None)
    for experiment in EXPERIMENTS.values():
        marks = (
            name + ("*" if record_path(experiment.name, name).exists() else "")
            for name in experiment.profiles
        )
        table.add_row(experiment.name, experiment.title, " ".join(marks))
    console.print(table)
    for name, meaning in PROFILES.items():
        console.print(f"[bold]{name}[/bold]: {meaning}")


@app.command()
def train(
    name: Name,
    profile: ProfileName = "auto",
    seed: Seed = 0,
    runs: Runs = Path("runs"),
    data: Data = None,
    resume: Resume = False,
    devices: Devices = 1,
    precision: Precision = None,
) -> None:
    """Train an experiment; the run's folder keeps weights, checkpoint and history."""
    run = _train(name, data, profile, seed, runs, resume, devices, precision)
    counts = ("step", "epoch", "seconds")
    _print_figures({k: v for k, v in run.history[-1].items() if k not in counts}, run)
    console.print(f"weights: {run.folder / 'network.safetensors'}")


@app.command()
def evaluate(
    name: Name,
    profile: ProfileName = "auto",
    seed: Seed = 0,
    runs: Runs = Path("runs"),
    data: Data = None,
    committed: Annotated[
        bool, typer.Option("--committed", help="The weights that ship with the book instead.")
    ] = False,
) -> None:
    """Measure a trained network on its experiment's test sets."""
    from capsedu import runs as running
    from capsedu.checkpoints import pretrained
    from capsedu.errors import CapseduError
    from capsedu.experiments import experiment
    from capsedu.profiles import resolve_profile

    chosen, profile = experiment(name, data), resolve_profile(profile)
    if committed:
        network = pretrained(experiment(name), profile)
        if network is None:
            raise CapseduError(f"no weights of {name} in profile {profile} ship with the book")
        run = running.Run(chosen, profile, seed, runs, network, "32-true")
    else:
        run = running.finished_run(chosen, profile, seed, runs)
    _print_figures(running.evaluate(run, console.is_terminal), run)


@app.command()
def record(
    name: Name,
    profile: ProfileName = "auto",
    seed: Seed = 0,
    runs: Runs = Path("runs"),
    out: Annotated[
        Path | None, typer.Option(help="Folder for the record; the project's by default.")
    ] = None,
    resume: Resume = False,
    devices: Devices = 1,
    precision: Precision = None,
    checkpoint: Annotated[
        bool, typer.Option("--checkpoint", help="Also keep the weights, in half precision.")
    ] = False,
) -> None:
    """Train, evaluate, and write the record that the book's tables read."""
    from capsedu.errors import CapseduError
    from capsedu.files import require_writable
    from capsedu.paths import RECORDS
    from capsedu.recording import record_run

    if checkpoint and seed:
        raise CapseduError(f"only the weights of seed 0 ship with the book, got --seed {seed}")
    out = out or RECORDS
    require_writable(out)
    run = _train(name, None, profile, seed, runs, resume, devices, precision)
    if not run.history:
        raise CapseduError(f"{run.folder} has no history.json; train it again without --resume")
    path, figures = record_run(run, out, keep_weights=checkpoint)
    _print_figures(figures, run)
    console.print(f"record: {path}")


@app.command()
def env() -> None:
    """Show what this machine offers: versions, device, data."""
    import torch

    from capsedu.data import available, data_root
    from capsedu.profiles import resolve_profile
    from capsedu.records import device_in_words, library_versions

    for name, version in library_versions().items():
        console.print(f"{name} {version}")
    console.print(f"device: {device_in_words()}, CUDA {torch.version.cuda or 'not built in'}")
    console.print(f"profile auto means: {resolve_profile('auto')}")
    console.print(f"data folder: {data_root()}")
    for name in ("digits", "mnist", "fashion-mnist"):
        console.print(f"  {name}: {'there' if available(name) else 'not there yet'}")


def _train(name, data, profile, seed, runs, resume, devices, precision):
    from capsedu import runs as running
    from capsedu.experiments import experiment
    from capsedu.profiles import resolve_profile

    profile = resolve_profile(profile)
    chosen = experiment(name, data)
    try:
        return running.train(
            chosen,
            profile,
            seed,
            runs,
            resume,
            devices,
            precision,
            progress=console.is_terminal,
        )
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; --resume goes on from the last checkpoint")
        raise typer.Exit(130) from None


def _print_figures(figures: dict[str, float], run) -> None:
    table = Table("figure", "here", "paper", title=f"{run.experiment.title}, profile {run.profile}")
    for name, value in figures.items():
        published = run.experiment.published.get(name)
        style = ".2%" if name.endswith("_error") else ".4g"
        paper = "" if published is None else format(published, style)
        table.add_row(name, format(value, style), paper)
    console.print(table)


def main() -> None:
    """Entry point: a problem the user can solve is one sentence and exit code 1."""
    from capsedu.errors import CapseduError

    try:
        app()
    except (CapseduError, ValueError, TypeError) as error:
        Console(stderr=True).print(f"[bold red]error:[/bold red] {error}", highlight=False)
        sys.exit(1)
