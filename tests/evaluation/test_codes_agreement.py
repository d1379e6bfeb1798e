"""Categories without names agree with classes as well as the best naming makes them."""

from itertools import permutations

import pytest
import torch

from capsedu.evaluation.codes import naming_agreement, read_categories
from capsedu.learning.heads import MutualInformation
from capsedu.models.dcgan import DcganDiscriminator
from capsedu.models.gan import Gan
from capsedu.models.regeneration import RegenerationGenerator


def test_it_is_the_best_of_all_namings() -> None:
    categories, targets = torch.randint(4, (2, 60), generator=torch.Generator().manual_seed(0))
    best = max(
        (torch.tensor(names)[categories] == targets).float().mean().item()
        for names in permutations(range(4))
    )
    assert naming_agreement(categories, targets) == pytest.approx(best)


def test_names_do_not_matter_and_two_categories_cannot_share_one() -> None:
    targets = torch.arange(10).repeat(5)
    assert naming_agreement(targets.flip(0), targets) == 1
    assert naming_agreement((targets + 3) % 10, targets) == 1
    assert naming_agreement(torch.zeros_like(targets), targets) == pytest.approx(0.1)


def test_the_head_reads_what_the_discriminator_sees() -> None:
    discriminator = DcganDiscriminator((1, 28, 28), width=4)
    head = MutualInformation(discriminator.feature_count, categories=3)
    gan = Gan(RegenerationGenerator((1, 28, 28)), discriminator, [head]).train()
    images = torch.rand(7, 1, 28, 28)
    found = read_categories(gan, images)
    with torch.no_grad():
        features = gan.eval().discriminator(2 * images - 1).features
        expected = head.category(head.hidden(features)).argmax(dim=1)
    assert found.tolist() == expected.tolist()


def test_as_many_categories_as_targets() -> None:
    with pytest.raises(ValueError, match=r"the same n of at least 1, got \[3\] and \[2\]"):
        naming_agreement(torch.zeros(3).long(), torch.zeros(2).long())
    with pytest.raises(ValueError, match=r"got \[0\] and \[0\]"):
        naming_agreement(torch.zeros(0).long(), torch.zeros(0).long())
