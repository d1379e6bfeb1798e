"""The checks of the chapters accept right answers and stubs, and name each usual mistake."""

import answers_01_transposed_convolution
import answers_02_squash
import answers_03_dynamic_routing
import answers_04_capsnet
import answers_05_em_routing
import answers_06_matrix_capsules
import answers_07_transforming_autoencoder
import answers_08_dcgan
import answers_09_capsgan
import answers_10_gan_zoo
import answers_11_capsgan_3d
import answers_12_rcn
import pytest

from capsedu.classroom import check
from capsedu.classroom.attempt import CHECKS

CHAPTERS = (
    answers_01_transposed_convolution,
    answers_02_squash,
    answers_03_dynamic_routing,
    answers_04_capsnet,
    answers_05_em_routing,
    answers_06_matrix_capsules,
    answers_07_transforming_autoencoder,
    answers_08_dcgan,
    answers_09_capsgan,
    answers_10_gan_zoo,
    answers_11_capsgan_3d,
    answers_12_rcn,
)
RIGHT = [case for chapter in CHAPTERS for case in chapter.RIGHT]
WRONG = [case for chapter in CHAPTERS for case in chapter.WRONG]
NAMES = sorted({name for name, _ in RIGHT})


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_a_right_answer_passes_every_time(name, answer):
    assert all(check(name, answer) for _ in range(20))


@pytest.mark.parametrize(("name", "answer", "sentence"), WRONG)
def test_a_mistake_is_named(name, answer, sentence, capsys):
    for _ in range(5):
        assert not check(name, answer)
        assert sentence in capsys.readouterr().out


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_a_stub_is_not_written_yet(name, answer, capsys):
    assert not check(name, (lambda *inputs: ...) if callable(answer) else ...)
    assert "not written yet" in capsys.readouterr().out


def test_every_exercise_of_these_chapters_has_a_right_answer_here():
    check(*RIGHT[0])  # loads the checks of every chapter
    chapters = {name[:2] for name in NAMES}
    assert [name for name in sorted(CHECKS) if name[:2] in chapters] == NAMES
