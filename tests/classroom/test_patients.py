"""Made-up histories have the form of real ones, and each shows its own illness alone."""

import math
from statistics import fmean

import pytest

from capsedu.classroom.patients import CONDITIONS, KEYS, ROWS, made_up_history, ward
from capsedu.errors import CapseduError


def end(history, key):
    return fmean(row[key] for row in history[-ROWS // 5 :])


def test_a_ward_has_one_patient_of_each_kind_in_an_order_of_its_own():
    first, second = ward(0), ward(0)
    assert list(first) == list("ABCD")
    assert all(list(row) == ["step", *KEYS] for rows in first.values() for row in rows)
    assert repr(first) == repr(second)  # NaN is not equal to itself
    orders = {
        tuple(row[-1]["generator_loss"] > 2.5 for row in ward(seed).values()) for seed in range(20)
    }
    assert len(orders) > 3


@pytest.mark.parametrize("seed", range(3))
def test_a_collapse_shows_in_the_spread_and_not_in_the_losses(seed):
    healthy, collapsed = (made_up_history(name, seed) for name in ("healthy", "collapsed"))
    for key in KEYS[:3]:
        assert end(collapsed, key) == pytest.approx(end(healthy, key), abs=0.25)
    assert end(collapsed, "spread") < 0.2 < 0.8 < end(healthy, "spread")
    assert collapsed[-1]["spread"] > 0.4  # the last row misleads


def test_the_other_two_are_told_by_their_losses():
    strong = made_up_history("overpowered", 0)
    assert end(strong, "discriminator_loss") < 0.1 and end(strong, "generator_loss") > 5
    ends = [made_up_history("diverged", seed)[-1]["generator_loss"] for seed in range(12)]
    assert any(map(math.isnan, ends))
    assert all(loss > 100 for loss in ends if not math.isnan(loss))


def test_an_unknown_condition_is_named():
    with pytest.raises(CapseduError, match=r"unknown condition 'colapsed'; did you mean"):
        made_up_history("colapsed", 0)
    assert set(CONDITIONS) == {"healthy", "collapsed", "overpowered", "diverged"}
