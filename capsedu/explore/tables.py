"""Tables whose numbers come from records."""

from collections.abc import Sequence

from IPython.display import Markdown

from capsedu.experiments import experiment
from capsedu.records import read_record

NO_BREAK = "\N{NO-BREAK SPACE}"  # a narrow table must not part a number from its sign
NOT_RUN = NO_BREAK.join(("not", "run", "yet"))


def error_table(names: Sequence[str], figure: str = "test_error") -> Markdown:
    """The paper's figure and ours for a few experiments, one row per profile.

    Profiles that only prove that everything runs are left out; the others appear whether
    they were run or not.

    Args:
        names: of experiments.
        figure: the record's name for it, a share such as ``"test_error"``.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    lines = [
        "| network | profile | parameters | training images seen | error | paper |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for chosen in map(experiment, names):
        paper = _percent(chosen.published.get(figure))
        for profile in (p for p in chosen.profiles if p not in ("smoke", "quick")):
            record = read_record(chosen.name, profile)
            cells = [chosen.title, profile, "", "", NOT_RUN, paper]
            if record is not None:
                seen = record.data["train"] * record.data["epochs"]
                error = _percent(record.figures.get(figure))
                cells[2:5] = [f"{record.parameters:,}", f"{seen:,}", error]
            lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}{NO_BREAK}%"
