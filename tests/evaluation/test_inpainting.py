"""Filling in: what is missing is found again where it can be, and what is known never changes."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from capsedu.errors import CapseduError
from capsedu.evaluation.filling import biharmonic_filling, inpainting_error, nearest_filling
from capsedu.evaluation.inpainting import (
    Search,
    context_loss,
    context_weights,
    fill_in,
    fill_in_steps,
    holes,
    judged_by,
    put_back,
    typical_noise,
)
from capsedu.models.gan import Judgement

SIZE, NOISE = 16, 4


class Blobs(nn.Module):
    """A bright blob whose place and size are in the noise; batch statistics would show."""

    noise_dim = NOISE

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.norm = nn.BatchNorm2d(1, affine=False)

    def forward(self, noise):
        place = torch.linspace(-1, 1, SIZE)
        y = place[:, None] - 0.5 * noise[:, 0, None, None].tanh()
        x = place[None, :] - 0.5 * noise[:, 1, None, None].tanh()
        width = 0.15 * (1 + 0.5 * noise[:, 2, None, None].tanh())
        blob = torch.exp(-(y.square() + x.square()) / width)
        return self.norm((2 * self.scale * blob - 1).unsqueeze(1))


class Brightness(nn.Module):
    """Calls bright images real."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.drop = nn.Dropout(0.5)

    def forward(self, images):
        return Judgement(
            self.drop(self.weight * images).mean(dim=(1, 2, 3), keepdim=False)[:, None]
        )


@pytest.fixture
def generator():
    return Blobs()


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def made_by(generator, n=3, seed=7):
    with torch.no_grad():
        return (generator.eval()(torch.randn(n, NOISE, generator=rng(seed))) + 1) / 2


HOLES = holes(SIZE)


# The pieces


def test_the_holes_are_as_large_as_they_say():
    shares = {name: hole.float().mean().item() for name, hole in holes(32).items()}
    assert shares["centre"] == 0.25 and shares["half"] == 0.5
    assert shares["random"] == pytest.approx(0.8, abs=0.01)
    assert holes(32)["half"][16:].all() and holes(32)["centre"][8:24, 8:24].all()
    assert torch.equal(holes(32)["random"], holes(32)["random"])


@pytest.mark.parametrize("name", HOLES)
def test_weights_are_the_shares_of_missing_neighbours(name):
    hole, window = HOLES[name], 5
    weights = context_weights(hole, window)
    for row in range(SIZE):
        for column in range(SIZE):
            around = hole[
                max(0, row - 2) : row + 3,
                max(0, column - 2) : column + 3,
            ]
            wanted = 0 if hole[row, column] else around.float().mean().item()
            assert weights[row, column].item() == pytest.approx(wanted, abs=1e-6)
    assert weights[hole].max() == 0 and weights[~hole].max() > 0


def test_the_context_counts_known_pixels_alone_and_near_ones_more():
    hole = HOLES["centre"]
    weights = context_weights(hole)
    images = torch.rand(2, 3, SIZE, SIZE)
    assert context_loss(images, images, weights).tolist() == [0, 0]
    other = torch.where(hole, torch.rand_like(images), images)
    assert context_loss(other, images, weights).tolist() == [0, 0]
    assert_close(context_loss(1 - images.round(), images.round(), weights), torch.ones(2))
    near, far = images.clone(), images.clone()
    near[:, :, SIZE // 4 - 1, SIZE // 2] += 0.5  # above the hole
    far[:, :, SIZE // 4 - 3, SIZE // 2] += 0.5
    assert (context_loss(near, images, weights) > context_loss(far, images, weights)).all()


def test_the_priors_are_the_negative_logarithms_of_densities():
    noise = torch.randn(5, 7)
    density = torch.distributions.Normal(0, 1).log_prob(noise).mean(dim=1)
    zero = torch.distributions.Normal(0, 1).log_prob(torch.zeros(1))
    assert_close(typical_noise(noise, noise), zero - density)
    judge, images = Brightness(), torch.rand(5, 1, 4, 4)
    wanted = -torch.sigmoid(images.mean(dim=(1, 2, 3))).log()
    assert_close(judged_by(judge)(noise, images), wanted)
    assert judge.training and judge.weight.requires_grad


# The search


@pytest.mark.parametrize("name", HOLES)
def test_an_image_that_the_generator_made_is_found_again(generator, name):
    images, hole = made_by(generator), HOLES[name]
    options = {"steps": 150, "weight": 0.0, "rng": rng(1)}
    filled = fill_in(generator, typical_noise, images, hole, **options)
    blind = put_back(torch.zeros_like(images), images, hole)
    error, nothing = (inpainting_error(guess, images, hole)["mae"] for guess in (filled, blind))
    assert nothing > 0.05 and error < 0.1 * nothing


@pytest.mark.parametrize("name", HOLES)
@pytest.mark.parametrize("steps", [0, 3])
def test_known_pixels_never_change_and_missing_ones_are_never_looked_at(generator, name, steps):
    images, hole = torch.rand(2, 1, SIZE, SIZE), HOLES[name]
    filled = fill_in(generator, typical_noise, images, hole, steps=steps, rng=rng())
    assert torch.equal(filled[..., ~hole], images[..., ~hole])
    broken = torch.where(hole, torch.nan, images)
    again = fill_in(generator, typical_noise, broken, hole, steps=steps, rng=rng())
    assert torch.equal(filled, again)


def test_the_search_goes_downhill_from_the_best_of_the_candidates(generator):
    images, hole = made_by(generator), HOLES["half"]
    searches = list(
        fill_in_steps(generator, typical_noise, images, hole, 40, candidates=50, rng=rng())
    )
    assert len(searches) == 41
    assert searches[0].noise.shape == (3, 2, NOISE)
    assert searches[0].made.shape == (3, 2, 1, SIZE, SIZE)
    pool = torch.randn(50, NOISE, generator=rng())
    with torch.no_grad():
        made = (generator.eval()(pool) + 1) / 2
    all_losses = context_loss(made, images.unsqueeze(1), context_weights(hole))
    assert_close(searches[0].context, all_losses.sort(dim=1).values[:, :2])
    best = [search.best(0.02).context.mean() for search in searches]
    assert best[-1] < 0.5 * best[0]


def test_a_strong_prior_is_obeyed(generator):
    images, hole = made_by(generator), HOLES["half"]
    size = {}
    for weight in (0.0, 10.0):
        *_, last = fill_in_steps(
            generator, typical_noise, images, hole, 60, weight=weight, rng=rng()
        )
        size[weight] = last.noise.norm(dim=2).mean()
    assert size[10.0] < 0.5 * size[0.0]
    brighter = [
        fill_in(generator, judged_by(Brightness()), images, hole, weight, steps=60, rng=rng())
        for weight in (0.0, 10.0)
    ]
    assert brighter[1][..., hole].mean() > brighter[0][..., hole].mean()


def test_the_best_is_chosen_for_each_image_by_both_losses():
    numbers = torch.arange(4.0).view(2, 2)
    context, prior = torch.tensor([[1.0, 2.0], [1.0, 2.0]]), torch.tensor([[0.0, 0.0], [5.0, 0.0]])
    search = Search(numbers[..., None], numbers[..., None, None, None], context, prior)
    assert search.best(1.0).noise.flatten().tolist() == [0, 3]
    assert search.best(0.1).noise.flatten().tolist() == [0, 2]


def test_the_networks_and_the_random_numbers_are_left_as_they_were(generator):
    generator.train()
    judge, state = Brightness(), torch.get_rng_state()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    fill_in(generator, judged_by(judge), made_by(Blobs()), HOLES["half"], steps=2, rng=rng())
    assert generator.training and judge.training and judge.drop.training
    assert generator.scale.grad is None and judge.weight.grad is None
    assert all(torch.equal(value, before[k]) for k, value in generator.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"hole": torch.ones(SIZE, SIZE)}, TypeError, "hole must hold truth values.*float32"),
        ({"hole": [[True]]}, TypeError, "hole must hold truth values.*list"),
        ({"hole": HOLES["half"][1:]}, ValueError, r"hole must have shape \[16, 16\].*\[15, 16\]"),
        ({"hole": HOLES["half"][None]}, ValueError, r"got \[1, 16, 16\]"),
        ({"hole": torch.ones(SIZE, SIZE).bool()}, ValueError, "got 256 missing of 256"),
        ({"hole": torch.zeros(SIZE, SIZE).bool()}, ValueError, "got 0 missing of 256"),
        ({"images": torch.rand(2, SIZE, SIZE)}, ValueError, r"images must have shape \[b, c"),
        (
            {"images": torch.rand(2, 3, SIZE, SIZE)},
            ValueError,
            r"images must have shape \[b, 1,",
        ),
        ({"window": 4}, ValueError, "window must be odd"),
        ({"restarts": 9, "candidates": 8}, ValueError, "candidates must be at least 9, got 8"),
        ({"steps": -1}, ValueError, "steps must be at least 0"),
    ],
)
def test_bad_input_is_named(generator, changes, error, message):
    arguments = {"images": torch.rand(2, 1, SIZE, SIZE), "hole": HOLES["half"], **changes}
    with pytest.raises(error, match=message):
        fill_in(generator, typical_noise, **arguments)


def test_a_broken_generator_is_reported(generator):
    with torch.no_grad():
        generator.scale[0] = torch.nan
    with pytest.raises(CapseduError, match="what generator makes must be finite"):
        fill_in(generator, typical_noise, torch.rand(1, 1, SIZE, SIZE), HOLES["half"])


# Without a generator


@pytest.mark.parametrize("name", HOLES)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_nearest_training_image_fills_the_hole(name, channels):
    seen, hole = torch.rand(30, channels, SIZE, SIZE), HOLES[name]
    noisy = seen[[4, 17]] + torch.where(hole, 0.0, 0.01)
    filled = nearest_filling(noisy.clamp(0, 1), hole, seen, batch_size=7)
    assert torch.equal(filled[..., hole], seen[[4, 17]][..., hole])
    assert torch.equal(filled[..., ~hole], noisy.clamp(0, 1)[..., ~hole])


def test_training_images_may_be_smaller_and_of_eight_bits():
    small = torch.randint(0, 256, (9, 1, 8, 8), dtype=torch.uint8)
    large = F.interpolate(small / 255, (SIZE, SIZE), mode="bilinear", antialias=True)
    filled = nearest_filling(large[2:5], HOLES["centre"], small)
    assert_close(filled, large[2:5])


@pytest.mark.parametrize("name", HOLES)
def test_the_biharmonic_sheet_continues_a_slope(name):
    hole = HOLES[name]
    slope = torch.linspace(0.2, 0.8, SIZE).expand(SIZE, SIZE)
    images = torch.stack([slope, slope.T])[:, None]
    filled = biharmonic_filling(torch.where(hole, torch.nan, images), hole)
    assert torch.equal(filled[..., ~hole], images[..., ~hole])
    assert filled.isfinite().all()
    if name == "centre":  # at the image's own rim nothing says how the slope goes on
        assert_close(filled, images, atol=0.01, rtol=0)


def test_the_sheet_of_each_image_is_its_own():
    hole = HOLES["centre"]
    images = torch.rand(3, 2, SIZE, SIZE)
    together = biharmonic_filling(images, hole)
    alone = torch.cat([biharmonic_filling(image[None], hole) for image in images])
    assert_close(together, alone)
    assert together.min() >= 0 and together.max() <= 1


# The error


def test_the_error_is_that_of_the_hole():
    images, hole = torch.rand(3, 1, SIZE, SIZE), HOLES["half"]
    filled = images.clone()
    filled[..., hole] += 0.1
    found = inpainting_error(filled, images, hole)
    assert found["mae"] == pytest.approx(0.1, rel=1e-5)
    assert found["psnr"] == pytest.approx(20, rel=1e-5)  # 10 log10(1 / 0.1²)
    outside = torch.where(hole, images, 0.0)
    assert inpainting_error(outside, images, hole)["mae"] == 0


class Upper(nn.Module):
    """Tells whether the upper or the lower half is the brighter one."""

    image_shape = (1, SIZE, SIZE)

    def forward(self, images):
        return torch.stack([half.mean(dim=(1, 2, 3)) for half in images.chunk(2, dim=2)], dim=1)


def test_the_share_of_kept_classes_is_counted():
    images = torch.zeros(4, 1, SIZE, SIZE)
    images[:2, :, : SIZE // 2], images[2:, :, SIZE // 2 :] = 0.5, 0.5
    filled = images.clone()
    filled[0, :, SIZE // 2 :] = 1  # now the lower half is brighter
    found = inpainting_error(filled, images, HOLES["half"], Upper())
    assert found["class_kept"] == 0.75
    with pytest.raises(ValueError, match=r"filled must have shape \[4, 1, 16, 16\], got \[3"):
        inpainting_error(filled[:3], images, HOLES["half"])
