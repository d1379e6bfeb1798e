"""Measure, print the tables, and say which targets are met."""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table

from benchmarks.draw_workloads import DRAW_WORKLOADS, require_same_draw
from benchmarks.em_workloads import EM_BATCH, EM_WORKLOADS, require_same_matrix_capsules
from benchmarks.gan_workloads import GAN_WORKLOADS
from benchmarks.loading import seconds_per_batch
from benchmarks.measure import ALLOCATORS, measure, stages
from benchmarks.targets import TARGETS, Results
from benchmarks.workloads import BATCH, WORKLOADS, require_same_function
from capsedu.errors import CapseduError
from capsedu.files import write_atomically

MNIST_IMAGES = 60_000
console = Console()


def main() -> None:
    arguments = _parser().parse_args()
    allocators = ALLOCATORS if arguments.allocator == "both" else (arguments.allocator,)
    keys = [k for k in WORKLOADS if arguments.only in ("all", _group(k))]
    machine = _machine()
    console.print(" · ".join(f"{name} {value}" for name, value in machine.items()))
    require_same_function()
    console.print("the textbook network gives CapsNet's numbers, forwards and backwards")
    require_same_matrix_capsules()
    console.print("and so does that of matrix capsules")
    require_same_draw()
    console.print("and that of DRAW")
    loading = seconds_per_batch(MNIST_IMAGES, BATCH)
    results = _measure_all(keys, allocators, arguments.repeats)
    for allocator, found in results.items():
        for batch in dict.fromkeys(WORKLOADS[key].batch for key in found):
            rows = {key: row for key, row in found.items() if WORKLOADS[key].batch == batch}
            console.print(_table(allocator, batch, rows))
        _print_first_steps(found)
        if allocator == "default":
            console.print(_target_table(found))
        _print_loading(loading, found)
    if arguments.json:
        summary = {
            "machine": machine,
            "batch": BATCH,
            "em_batch": EM_BATCH,
            "repeats": arguments.repeats,
            "seconds_to_make_a_batch": loading,
            "results": results,
        }
        write_atomically(arguments.json, lambda p: p.write_text(json.dumps(summary, indent=1)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--repeats", type=_positive, default=10, help="rounds of timing (10)")
    groups = ("all", "capsnet", "routing", "em", "gan", "draw")
    parser.add_argument("--only", choices=groups, default="all")
    parser.add_argument("--allocator", choices=(*ALLOCATORS, "both"), default="both")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _group(key: str) -> str:
    if key in EM_WORKLOADS:
        return "em"
    if key in GAN_WORKLOADS:
        return "gan"
    if key in DRAW_WORKLOADS:
        return "draw"
    return "routing" if key == "routing" else "capsnet"


def _machine() -> dict[str, str]:
    return {
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }


def _measure_all(keys: list[str], allocators: tuple[str, ...], repeats: int) -> dict[str, Results]:
    total = len(allocators) * sum(stages(WORKLOADS[key], repeats) for key in keys)
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("measuring", total=total)
        results: dict[str, Results] = {}
        for allocator in allocators:
            results[allocator] = {}
            for key in keys:
                progress.update(task, description=f"{key} ({allocator})")
                results[allocator][key] = measure(
                    key, allocator, repeats, lambda: progress.advance(task)
                )
    return results


def _table(allocator: str, batch: int, results: Results) -> Table:
    headings = ("ms", "images/s", "×\nfloor", "×\ntextbook", "extra\nMiB", "of text-\nbook's")
    table = Table(title=f"batch {batch}, allocator: {allocator}", box=SIMPLE, title_justify="left")
    table.add_column("", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for key, contenders in results.items():
        table.add_row(f"[bold]{WORKLOADS[key].title}[/bold]")
        for name, row in contenders.items():
            table.add_row(
                f"  {name}",
                f"{1000 * row['seconds']:.0f}",
                _three_digits(batch / row["seconds"]),
                _ratio(contenders.get("floor"), row, "seconds", "{:.2f}"),
                _ratio(contenders.get("textbook"), row, "seconds", "{:.2f}"),
                "–" if row["extra_mib"] is None else f"{row['extra_mib']:.0f}",
                _ratio(row, contenders.get("textbook"), "extra_mib", "{:.0%}"),
            )
        table.add_section()
    return table


def _three_digits(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def _ratio(above: dict | None, below: dict | None, quantity: str, style: str) -> str:
    if not above or not below or above[quantity] is None or not below[quantity]:
        return "–"
    return style.format(above[quantity] / below[quantity])


def _target_table(results: Results) -> Table:
    table = Table("target for capsedu", box=SIMPLE)
    for heading in ("wanted", "measured", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    for target in TARGETS:
        share = target.measured(results)
        if share is not None:
            met = "[green]met[/green]" if target.met(share) else "[red]not met[/red]"
            table.add_row(target.title, target.needed, f"{share:.2f}", met)
    return table


def _print_first_steps(results: Results) -> None:
    for key, contenders in results.items():
        if WORKLOADS[key].compiles:
            first = (f"{name} {row['first_seconds']:.1f} s" for name, row in contenders.items())
            console.print(f"first step of {key}, compiling included: {', '.join(first)}")


def _print_loading(seconds: float, results: Results) -> None:
    for key in ("training, fp32", "training, bf16"):
        if key in results:
            step = results[key]["capsedu"]["seconds"]
            console.print(
                f"making batches takes {seconds / (seconds + step):.2%} of an epoch of {key} "
                f"({1000 * seconds:.2f} ms beside a step of {1000 * step:.0f} ms)"
            )


if __name__ == "__main__":
    try:
        main()
    except CapseduError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped")
