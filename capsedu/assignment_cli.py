"""``capsedu assignment list | release | nbgrader | grade``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(help="Make assignments from their sources, and grade them.", no_args_is_help=True)
console = Console()

Sources = Annotated[list[Path], typer.Argument(help="Sources: NN_name.py, .ipynb, or folders.")]


@app.command("list")
def list_assignments(
    sources: Annotated[list[Path] | None, typer.Argument(help="The project's by default.")] = None,
) -> None:
    """Show the assignments, their points and their parts."""
    table = Table("assignment", "title", "code", "written", "tests", box=None)
    for assignment in _read(sources or [_own() / "sources"]):
        tests = sum(1 for _ in assignment.of_role("test"))
        code, written = assignment.points("test"), assignment.points("written")
        table.add_row(assignment.name, assignment.title, f"{code:g}", f"{written:g}", str(tests))
    console.print(table)


@app.command()
def release(
    sources: Sources,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder; notebooks/assignments by default."),
    ] = None,
    variant: Annotated[int, typer.Option(help="Other numbers in the same questions.", min=0)] = 0,
) -> None:
    """Write the student's notebooks: no solution and no hidden test is left in them."""
    from capsedu.classroom.assignments.release import write_release

    for assignment in _read(sources):
        console.print(write_release(assignment, out or _own(), variant), soft_wrap=True)


@app.command()
def nbgrader(
    sources: Sources,
    out: Annotated[Path, typer.Option(help="The folder `source` of an nbgrader course.")],
) -> None:
    """Write the instructor's notebooks for nbgrader, with solutions and hidden tests."""
    from capsedu.classroom.assignments.release import write_nbgrader

    for assignment in _read(sources):
        console.print(write_nbgrader(assignment, out), soft_wrap=True)


@app.command()
def grade(
    submissions: Annotated[list[Path], typer.Argument(help="Notebooks, or folders of them.")],
    out: Annotated[Path, typer.Option(help="The table; written after each submission.")],
    source: Annotated[
        list[Path] | None, typer.Option(help="A source, or a folder; the project's by default.")
    ] = None,
    time: Annotated[float, typer.Option(help="Seconds for a submission.", min=1)] = 600,
    cell_time: Annotated[float, typer.Option(help="Seconds for a cell.", min=1)] = 60,
    memory: Annotated[int, typer.Option(help="Megabytes for a submission.", min=256)] = 4096,
    feedback: Annotated[Path | None, typer.Option(help="Folder for pages of feedback.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Also what is in the table.")] = False,
) -> None:
    """Run each submission in a sandbox, give points for each part, keep them in a table."""
    from capsedu.classroom.assignments.grading import grade as grade_all
    from capsedu.classroom.assignments.sandbox import Limits

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    try:
        limits = Limits(seconds=time, cell_seconds=cell_time, megabytes=memory)
        sources = source or [_own() / "sources"]
        grade_all(submissions, out, sources, limits, feedback, again, say)
    except KeyboardInterrupt:
        say(f"stopped; {out} has what was done, and the same command goes on from there")
        raise typer.Exit(130) from None
    say(f"grades: {out}")


def _own() -> Path:
    from capsedu.paths import ASSIGNMENTS

    return ASSIGNMENTS


def _read(sources: list[Path]) -> list:
    from capsedu.classroom.assignments.grading import expand
    from capsedu.classroom.assignments.source import read_source

    return [read_source(path) for path in expand(sources, (".py", ".ipynb"), "source")]
