"""The table of fillings holds the record's numbers and says what was not run."""

from dataclasses import replace

from gan_records import gan_record, history

from capsedu.explore.filling_tables import WAYS, filling_table, filling_verdict
from capsedu.records import write_record


def recorded():
    """Ways that are better the later they come in the list, the first alone in the middle hole."""
    curves = {}
    for number, way in enumerate(WAYS):
        errors = [0.4 - 0.1 * number, 0.05 if number == 0 else 0.2, 0.3 - 0.05 * number]
        points = {"mae": errors, "psnr": [10.0 + number] * 3, "class_kept": [0.5, 0.6, 0.7]}
        if number == 1:
            points["class_kept"] = [0.75] * 3
        for measure, values in points.items():
            curves[f"filling_{measure}_{way}"] = [[k, value] for k, value in enumerate(values)]
    return curves


def test_each_way_has_its_numbers(own_project):
    write_record(replace(gan_record("dcgan", history(50.0)), curves=recorded()))
    head, _, *rows = filling_table("dcgan", "small").data.splitlines()
    assert head.endswith("| centre | half | random |") and len(rows) == 4
    assert rows[0].endswith("| 0.400 / 10.0 / 50% | 0.050 / 10.0 / 60% | 0.300 / 10.0 / 70% |")
    assert rows[3].startswith("| biharmonic | 0.100 / 13.0 / 50% |")
    centre, half, random = filling_verdict("dcgan", "small")
    assert "centre: the smallest error has biharmonic (0.100)" in centre
    assert f"has {WAYS['search']} (0.050)" in half
    assert f"most classes are kept by {WAYS['search_alone']} (75%)" in random


def test_what_was_not_measured_is_said(own_project):
    for name in ("dcgan", "report-dcgan"):
        assert "not" in filling_table(name, "small").data.splitlines()[2]
        assert "run" in filling_verdict(name, "small")[0]
    gan_record("dcgan", history(50.0))  # a record from before fillings were measured
    assert len(filling_table("dcgan", "small").data.splitlines()) == 3
