"""The matrix capsule network has the paper's layers, and says what it cannot be."""

import warnings

import pytest
import torch
from torch.testing import assert_close

from capsedu import compiling
from capsedu.functional import spread_loss
from capsedu.layers import matrix_capsules
from capsedu.layers.matrix_capsules import VECTOR
from capsedu.models.cnn_baseline import PoolingCnnBaseline, parameter_count
from capsedu.models.matrix_capsnet import MatrixCapsNet


def small(**changes):
    torch.manual_seed(0)
    sizes = {"feature_channels": 6, "primary_types": 3, "convolutional_types": (4, 2)}
    return MatrixCapsNet(**{**sizes, **changes})


LARGE = {"feature_channels": 32, "primary_types": 32, "convolutional_types": (32, 32)}


@pytest.mark.parametrize(
    ("sizes", "channels", "count"),
    [({}, 1, 67_154), ({}, 2, 68_754), (LARGE, 1, 316_394), (LARGE, 2, 317_194)],
)
def test_the_parameters_are_as_many_as_the_docstring_says(sizes, channels, count):
    with torch.device("meta"):
        network = MatrixCapsNet((channels, 32, 32), **sizes)
    assert parameter_count(network) == count
    assert f"{count:,}" in MatrixCapsNet.__doc__


def test_the_grids_are_the_papers():
    network = small()
    grids = []
    for layer in (network.primary_capsules, *network.convolutional_capsules):
        layer.register_forward_hook(lambda _m, _i, out: grids.append(tuple(out.poses.shape[1:])))
    network(torch.rand(1, 1, 32, 32))
    assert grids == [(3, 16, 14, 14), (4, 16, 6, 6), (2, 16, 4, 4)]


@pytest.mark.parametrize(
    ("shape", "classes"), [((1, 17, 17), 2), ((2, 32, 32), 5), ((1, 28, 28), 10), ((3, 20, 33), 3)]
)
def test_other_sizes_channels_and_classes_fit(shape, classes):
    poses, activations = small(image_shape=shape, classes=classes)(torch.rand(2, *shape))
    assert poses.shape == (2, classes, 16) and activations.shape == (2, classes)
    assert ((activations >= 0) & (activations <= 1)).all()


@pytest.mark.parametrize("changes", [{}, {"pose": VECTOR}, {"coordinate_addition": False}])
def test_every_parameter_learns(changes):
    network = small(**changes)
    _, activations = network(torch.rand(4, 1, 32, 32))
    spread_loss(activations, torch.arange(4)).backward()
    for name, p in network.named_parameters():
        assert p.grad.isfinite().all(), name
        # A convolution's bias is taken away again by the normalisation behind it.
        assert p.grad.abs().max() > 0 or name == "features.0.bias", name


def test_it_learns():
    """Four images, told apart by where a square is.

    After two iterations of routing: with three, whether so short a training succeeds hangs on
    the seed, and even on the number of threads.
    """
    network = small(image_shape=(1, 21, 21), classes=4, convolutional_types=(8, 8), iterations=2)
    images = torch.zeros(4, 1, 21, 21)
    for n, (y, x) in enumerate([(2, 2), (2, 9), (9, 2), (9, 9)]):
        images[n, 0, y : y + 6, x : x + 6] = 1
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(50):
        loss = spread_loss(network(images)[1], torch.arange(4), margin=0.2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


def test_images_of_a_batch_do_not_influence_each_other():
    network, images = small().double().eval(), torch.rand(3, 1, 32, 32, dtype=torch.float64)
    alone = [network(image) for image in images.split(1)]
    assert_close(network(images), tuple(torch.cat(x) for x in zip(*alone, strict=True)))


def test_autocast_changes_little_and_the_result_stays_in_float32():
    network, images = small().eval(), torch.rand(2, 1, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        poses, activations = network(images)
    assert poses.dtype == activations.dtype == torch.float32
    assert_close(activations, network(images)[1], rtol=0, atol=0.02)


def test_the_state_goes_out_and_in_again():
    network, images = small().eval(), torch.rand(2, 1, 32, 32)
    other = MatrixCapsNet(feature_channels=6, primary_types=3, convolutional_types=(4, 2)).eval()
    assert not torch.equal(network(images)[0], other(images)[0])
    other.load_state_dict(network.state_dict())
    assert torch.equal(network(images)[0], other(images)[0])


def test_without_a_compiler_it_runs_all_the_same_and_warns_once(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    compiling._warn_once.cache_clear()
    network = small()
    with pytest.warns(UserWarning, match=r"no C\+\+ compiler was found"):
        network.compile_routing()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network.compile_routing()
        network(torch.rand(1, 1, 32, 32))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"image_shape": (1, 16, 32)}, ValueError, r"image_shape .* at least 17 .* \(1, 16, 32\)"),
        ({"image_shape": (32, 32)}, ValueError, r"image_shape .* got \(32, 32\)"),
        ({"classes": 0}, ValueError, "classes must be at least 1, got 0"),
        ({"classes": 5.0}, TypeError, "classes must be a whole number, got 5.0"),
        ({"feature_channels": 0}, ValueError, "feature_channels must be at least 1, got 0"),
        ({"primary_types": 0}, ValueError, "types must be at least 1, got 0"),
        ({"iterations": 0}, ValueError, "iterations must be at least 1, got 0"),
    ],
)
def test_arguments_that_do_not_fit_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        small(**arguments)


def test_images_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"images must have shape \[b, 1, 32, 32\].* \[2, 3, 32"):
        small()(torch.rand(2, 3, 32, 32))


# PoolingCnnBaseline


@pytest.mark.parametrize(("channels", "count"), [(1, 4_252_549), (2, 4_253_349)])
def test_the_papers_cnn_has_4_2_million_parameters(channels, count):
    with torch.device("meta"):
        assert parameter_count(PoolingCnnBaseline((channels, 32, 32))) == count


def test_the_cnn_fits_other_images_and_names_those_that_it_does_not():
    network = PoolingCnnBaseline((3, 9, 12), classes=4, channels=(4, 2), hidden=8)
    assert network(torch.rand(2, 3, 9, 12)).shape == (2, 4)
    with pytest.raises(ValueError, match=r"images must have shape \[b, 3, 9, 12\]"):
        network(torch.rand(2, 3, 32, 32))
    with pytest.raises(ValueError, match=r"image_shape .* got \(1, 3, 32\)"):
        PoolingCnnBaseline((1, 3, 32))
    with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
        PoolingCnnBaseline(classes=0)


@pytest.mark.skipif(not compiling.has_compiler(), reason="needs a C++ compiler")
def test_compiled_layers_give_the_same_numbers_and_gradients(monkeypatch):
    monkeypatch.setattr(matrix_capsules, "FEW", 0)  # image by image, as larger networks
    plain, compiled = (small(image_shape=(1, 17, 17)).double() for _ in range(2))
    compiled.compile_routing()
    images = torch.rand(2, 1, 17, 17, dtype=torch.float64)
    found = [network(images) for network in (plain, compiled)]
    assert_close(found[0], found[1])
    for _, activations in found:
        activations.square().sum().backward()
    for a, b in zip(plain.parameters(), compiled.parameters(), strict=True):
        assert_close(a.grad, b.grad)


def test_an_untrained_network_is_undecided():
    for sizes in ({}, LARGE, {"pose": VECTOR, "iterations": 1}, {"iterations": 5}):
        torch.manual_seed(0)
        network = MatrixCapsNet(**sizes)
        images = torch.rand(2, 1, 32, 32)
        children = network.children_of(images).activations
        _, classes = network(images)
        for activations in (children, classes):
            assert 0.1 < activations.mean() < 0.9, sizes
