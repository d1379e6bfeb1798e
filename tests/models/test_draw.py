"""VAE, DRAW and RCN: sizes, and that training, watching and sampling draw the same."""

import pytest
import torch

from capsedu import compiling
from capsedu.functional import capsule_length
from capsedu.layers.attention import AttentiveRead, WholeWrite
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.draw import attentive_draw, plain_draw
from capsedu.models.rcn import ImageCapsules, LatentCapsules, Rcn
from capsedu.models.vae import Vae

SHAPE = (1, 18, 18)
SMALL = {"hidden": 12, "latent": 4, "steps": 3}


def rcn(**options):
    return Rcn(SHAPE, 5, conv_channels=4, primary_types=2, **SMALL, **options)


NETWORKS = [
    lambda: Vae(SHAPE, hidden=12, latent=4),
    lambda: attentive_draw(SHAPE, 2, 3, **SMALL),
    lambda: plain_draw(SHAPE, **SMALL, cell="gru"),
    rcn,
    lambda: rcn(read=AttentiveRead, write=WholeWrite, cell="gru"),
]


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    return request.param().double()


def images_and_noise(network, b=3):
    return torch.rand(b, *SHAPE, dtype=torch.float64), network.noise(b).double()


@pytest.mark.parametrize(
    ("network", "count"),
    [
        (Vae, 1_009_684),
        (attentive_draw, 1_004_283),
        (plain_draw, 2_751_208),
        (Rcn, 9_278_966),
        (ImageCapsules, 4_955_008),
        (LatentCapsules, 3_146_880),
    ],
)
def test_parameter_counts(network, count):
    with torch.device("meta"):
        assert parameter_count(network()) == count


def test_a_drawing_is_its_steps(network):
    images, noise = images_and_noise(network)
    drawing, strokes = network(images, noise), list(network.steps(images, noise))
    assert len(strokes) == network.step_count
    assert torch.equal(drawing.canvas, strokes[-1].canvas)
    assert drawing.canvas.shape == images.shape
    for t, stroke in enumerate(strokes):
        for name in ("mean", "log_deviation", "latents"):
            assert torch.equal(getattr(drawing, name)[:, t], getattr(stroke, name))
    expected = drawing.mean + drawing.log_deviation.exp() * noise
    torch.testing.assert_close(drawing.latents, expected)


def test_the_same_latents_paint_the_same_canvases_with_and_without_an_image(network):
    """What is computed for all steps at once is what was computed step by step."""
    images, noise = images_and_noise(network)
    strokes = list(network.steps(images, noise))
    latents = torch.stack([stroke.latents for stroke in strokes], dim=1)
    for stroke, painted in zip(strokes, network.paint(latents), strict=True):
        torch.testing.assert_close(painted.canvas, stroke.canvas)
        assert (painted.writing is None) == (stroke.writing is None)


def test_images_do_not_disturb_each_other(network):
    images, noise = images_and_noise(network)
    together = network(images, noise).canvas
    alone = network(images[1:2], noise[1:2]).canvas
    torch.testing.assert_close(together[1:2], alone)


def test_several_drawings_of_an_image_are_neighbours(network):
    images, _ = images_and_noise(network)
    noise = network.noise(6).double()
    many = network(images, noise).canvas
    for n in range(6):
        one = network(images[n // 2 : n // 2 + 1], noise[n : n + 1]).canvas
        torch.testing.assert_close(many[n : n + 1], one)


def test_samples_are_a_function_of_the_generator(network):
    first, again = (
        [stroke.canvas for stroke in network.sample(2, torch.Generator().manual_seed(5))]
        for _ in range(2)
    )
    assert len(first) == network.step_count
    for a, b in zip(first, again, strict=True):
        assert torch.equal(a, b) and a.shape == (2, *SHAPE)
    assert not torch.equal(first[-1][0], first[-1][1])


def test_every_weight_learns(network):
    images, noise = images_and_noise(network)
    drawing = network(images, noise)
    loss = drawing.canvas.square().sum() + drawing.mean.sum() + drawing.log_deviation.sum()
    loss.backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None and weight.grad.abs().sum() > 0, name


def test_what_does_not_depend_on_the_step_is_computed_once():
    network = rcn()
    calls = []
    network.image_capsules.register_forward_hook(lambda *_: calls.append("image"))
    network.latent_capsules.register_forward_hook(lambda *_: calls.append("latents"))
    strokes = list(network.steps(torch.rand(2, *SHAPE)))
    assert calls == ["image", *["latents"] * 3]
    assert strokes[0].capsules.shape == (2, 5, 16)
    assert all(stroke.capsules is strokes[0].capsules for stroke in strokes)
    assert (capsule_length(strokes[0].capsules) < 1).all()
    calls.clear()
    list(network.sample(2))
    assert calls == ["latents"]


def test_the_paper_gives_the_encoder_no_error_image():
    """What the canvas looks like reaches the encoder only with a reading window."""
    for read, matters in [(None, False), (AttentiveRead, True)]:
        torch.manual_seed(0)
        network = rcn(read=read)
        images, noise = torch.rand(2, *SHAPE), network.noise(2)
        before = network(images, noise).mean[:, 0]
        with torch.no_grad():
            network.canvas += 1
        assert (network(images, noise).mean[:, 0] != before).any() == matters


def test_the_papers_grids():
    """28x28 is as large as CapsNet's features after two convolutions; latents grow to 9x9."""
    with torch.device("meta"):
        for layers, x, grid, capsules in [
            (ImageCapsules(), torch.zeros(1, 1, 28, 28), (1, 128, 20, 20), (1, 1152, 8)),
            (LatentCapsules(), torch.zeros(1, 100), (1, 256, 9, 9), (1, 288, 8)),
        ]:
            *before, primary, _ = layers
            for layer in before:
                x = layer(x)
            assert x.shape == grid
            assert primary(x).shape == capsules


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: attentive_draw(steps=0), "steps must be at least 1, got 0"),
        (lambda: plain_draw(steps=-3), "steps must be at least 1, got -3"),
        (lambda: attentive_draw(latent=0), "latent must be at least 1, got 0"),
        (lambda: attentive_draw(read_cells=40), "cells must be at most 28, the size of the image"),
        (lambda: Rcn(steps=0), "steps must be at least 1, got 0"),
        (lambda: Rcn(classes=0), "classes must be at least 1, got 0"),
        (lambda: Rcn(parts=0), "parts must be at least 1, got 0"),
        (lambda: Rcn(conv_channels=1), "conv_channels must be at least 2, got 1"),
        (lambda: Rcn((1, 16, 16)), "with a size of at least 17"),
        (lambda: Rcn((1, 28, 20)), r"image_shape must be \(channels, size, size\)"),
        (lambda: Vae(latent=0), "latent must be at least 1, got 0"),
    ],
)
def test_networks_that_cannot_be_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_images_and_noise_of_another_shape_are_refused(network):
    images, noise = images_and_noise(network)
    with pytest.raises(ValueError, match=r"images must have shape \[b, 1, 18, 18\]"):
        network(torch.rand(2, 1, 20, 20))
    for wrong in (noise[:2], noise[:0], noise[:, :, 1:], noise.repeat(1, 2, 1)):
        with pytest.raises(ValueError, match=r"noise must have shape \[3, \d, 4\], or a multiple"):
            network(images, wrong)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        next(network.sample(0))


@pytest.mark.skipif(not compiling.has_compiler(), reason="needs a C++ compiler")
def test_compiled_steps_give_the_same_drawing_and_gradients():
    torch.manual_seed(0)
    plain, compiled = (attentive_draw(SHAPE, 2, 3, **SMALL | {"steps": 2}).double() for _ in "ab")
    compiled.load_state_dict(plain.state_dict())
    assert compiling.compile_where_possible(compiled)
    images, noise = images_and_noise(plain)
    found = [network(images, noise) for network in (plain, compiled)]
    torch.testing.assert_close(found[0].canvas, found[1].canvas)
    for drawing in found:
        (drawing.canvas.square().sum() + drawing.mean.sum()).backward()
    for a, b in zip(plain.parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
