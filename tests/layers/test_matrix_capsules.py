"""Matrix capsules vote by matrix products, share weights between places, know where they are."""

import pytest
import torch
from torch.testing import assert_close

from capsedu.layers.matrix_capsules import (
    BIAS_UNIT,
    MATRIX,
    VECTOR,
    ClassMatrixCapsules,
    ConvolutionalCapsules,
    MatrixCapsules,
    PrimaryMatrixCapsules,
    cell_centres,
    image_by_image,
    transform,
)
from capsedu.routing.em import em_routing

POSES = pytest.mark.parametrize("pose", [MATRIX, VECTOR], ids=["matrix", "vector"])


def children(types=3, height=5, width=5, batch=2, dim=16, dtype=torch.float64):
    poses = torch.randn(batch, types, dim, height, width, dtype=dtype)
    return MatrixCapsules(poses, torch.rand(batch, types, height, width, dtype=dtype))


# Votes


def test_a_matrix_votes_by_its_product_with_the_weights():
    pose, weight = torch.randn(4, 4), torch.randn(4, 4)
    by_column = transform(pose.T.reshape(1, 16, 1), weight.T.reshape(1, 1, 4, 4))
    assert_close(by_column.view(4, 4).T, pose @ weight)


def test_a_vector_votes_by_its_product_with_the_weights():
    pose, weight = torch.randn(16), torch.randn(16, 16)
    assert_close(
        transform(pose.view(1, 16, 1), weight.T.view(1, 1, 16, 16)).view(16), pose @ weight
    )


def test_each_pair_has_its_own_matrix():
    poses, weight = torch.randn(3, 16, 7), torch.randn(3, 2, 4, 4)
    votes = transform(poses, weight)
    for i in range(3):
        for j in range(2):
            alone = transform(poses[i : i + 1, :, 4:5], weight[i : i + 1, j : j + 1])
            assert_close(votes[i, j, :, 4], alone[0, 0, :, 0])


def test_coordinates_go_to_the_first_two_entries_of_the_right_hand_column():
    marked = torch.zeros(16)
    marked[MATRIX.position] = torch.tensor([1.0, 2.0])
    assert marked.view(4, 4).T.tolist() == [[0, 0, 0, 1], [0, 0, 0, 2], [0] * 4, [0] * 4]
    assert list(range(16))[VECTOR.position] == [0, 1]


# PrimaryMatrixCapsules


@POSES
def test_a_primary_capsule_is_linear_in_the_features_at_its_place(pose):
    layer = PrimaryMatrixCapsules(6, types=3, pose=pose)
    features = torch.rand(2, 6, 4, 5)
    poses, activations = layer(features)
    assert poses.shape == (2, 3, 16, 4, 5) and activations.shape == (2, 3, 4, 5)
    weight = layer.poses.weight.view(3, 16, 6)
    bias = layer.poses.bias.view(3, 16)
    assert_close(poses[1, 2, :, 3, 4], weight[2] @ features[1, :, 3, 4] + bias[2])
    logit = layer.activations.weight.view(3, 6) @ features[1, :, 3, 4] + layer.activations.bias
    assert_close(activations[1, :, 3, 4], logit.sigmoid())


def test_primary_capsules_are_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        found = PrimaryMatrixCapsules(6, 3)(torch.rand(2, 6, 4, 5))
    assert {x.dtype for x in found} == {torch.float32}


# ConvolutionalCapsules


@POSES
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (1, 1), (2, 2)])
def test_the_grid_is_a_convolutions(pose, kernel, stride):
    layer = ConvolutionalCapsules(3, 4, kernel, stride, pose=pose).double()
    poses, activations = layer(children(3, 7, 6))
    rows, columns = (7 - kernel) // stride + 1, (6 - kernel) // stride + 1
    assert poses.shape == (2, 4, 16, rows, columns)
    assert activations.shape == (2, 4, rows, columns)
    assert layer.weight.shape == (3, kernel**2, 4, pose.columns, pose.columns)


@POSES
def test_one_window_is_em_routing_from_all_of_its_cells(pose):
    layer = ConvolutionalCapsules(3, 4, 3, pose=pose).double()
    with torch.no_grad():
        layer.description_bias.normal_()
        layer.activation_bias.normal_()
    grid = children(3, 3, 3)
    poses, activations = layer(grid)
    flat = grid.poses.permute(1, 3, 4, 2, 0).flatten(0, 2)  # [(i, k), d, b]
    votes = transform(flat, layer.weight.flatten(0, 1)).permute(3, 0, 1, 2)
    biases = layer.description_bias, BIAS_UNIT * layer.activation_bias
    expected = em_routing(votes, grid.activations.flatten(1), *biases)
    assert_close((poses[..., 0, 0], activations[..., 0, 0]), expected)


def test_every_place_has_the_same_weights():
    """Windows that share no child: what moves by a window comes out moved by a place."""
    layer = ConvolutionalCapsules(2, 3, 2, stride=2).double()
    grid = children(2, 6, 6)
    moved = MatrixCapsules(*(x.roll((2, 4), dims=(-2, -1)) for x in grid))
    for found, expected in zip(layer(moved), layer(grid), strict=True):
        assert_close(found, expected.roll((1, 2), dims=(-2, -1)))


def test_images_of_a_batch_do_not_influence_each_other():
    layer, grid = ConvolutionalCapsules(3, 2).double(), children()
    alone = layer(MatrixCapsules(grid.poses[1:], grid.activations[1:]))
    assert_close(tuple(x[1:] for x in layer(grid)), tuple(alone))


def test_convolutional_routing_is_float32_under_autocast():
    layer, grid = ConvolutionalCapsules(3, 2), children(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(grid)
    assert_close(found, layer(grid), rtol=0, atol=0)


@pytest.mark.parametrize(("types", "calls"), [(2, 1), (16, 3)])
def test_many_votes_are_routed_image_by_image_with_the_same_result(types, calls):
    layer, grid = ConvolutionalCapsules(8, types, stride=2).double(), children(8, 7, 7, batch=3)
    expected = layer(grid)
    seen = []
    layer.register_forward_hook(lambda _m, _i, out: seen.append(out))
    assert_close(tuple(image_by_image(layer, grid)), tuple(expected))
    assert len(seen) == calls
    assert layer.votes_of_an_image(7, 7) == 8 * 9 * types * 16 * expected.poses[0, 0, 0].numel()


# ClassMatrixCapsules


def test_cells_know_their_centres():
    expected = [[y, x] for y in (0.25, 0.75) for x in (1 / 8, 3 / 8, 5 / 8, 7 / 8)]
    assert_close(cell_centres(2, 4), torch.tensor(expected))


@POSES
def test_coordinates_are_added_to_two_components_of_each_vote(pose):
    layer = ClassMatrixCapsules(3, 4, pose=pose).double()
    without = ClassMatrixCapsules(3, 4, pose=pose, coordinate_addition=False).double()
    without.load_state_dict(layer.state_dict())
    grid = children(3, 2, 4)
    added = layer.votes(grid) - without.votes(grid)
    assert added.shape == (2, 3 * 2 * 4, 4, 16)
    of_position = added[..., pose.position].unflatten(1, (3, 8))
    centres = cell_centres(2, 4).double().view(1, 1, 8, 1, 2)
    assert_close(of_position, centres.expand_as(of_position))
    added[..., pose.position] = 0
    assert_close(added, torch.zeros_like(added))


def test_class_capsules_have_the_same_weights_at_every_place():
    layer = ClassMatrixCapsules(3, 4, coordinate_addition=False).double()
    grid = children(3, 3, 3)
    moved = MatrixCapsules(*(x.roll((1, 2), dims=(-2, -1)) for x in grid))
    assert_close(layer(moved), layer(grid))
    layer.coordinate_addition = True  # and only then does the place matter
    assert not torch.allclose(layer(moved)[0], layer(grid)[0], atol=1e-3)


def test_votes_are_of_the_children_in_the_order_of_the_activations():
    layer, grid = ClassMatrixCapsules(2, 3).double(), children(2, 3, 2)
    vote = transform(grid.poses[1, 1:, :, 2, 1].unsqueeze(2), layer.weight[1:])[0, :, :, 0]
    vote[:, MATRIX.position] += torch.tensor([5 / 6, 3 / 4])
    child = 1 * 6 + 2 * 2 + 1  # type 1, row 2, column 1
    assert_close(layer.votes(grid)[1, child], vote.detach(), check_dtype=False)
    assert grid.activations.flatten(1)[1, child] == grid.activations[1, 1, 2, 1]


def test_class_routing_is_float32_under_autocast():
    layer, grid = ClassMatrixCapsules(3, 2), children(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(grid)
    assert_close(found, layer(grid), rtol=0, atol=0)


# What does not fit


@pytest.mark.parametrize(
    "layer", [ConvolutionalCapsules(3, 2), ClassMatrixCapsules(3, 2)], ids=["grid", "class"]
)
def test_children_that_do_not_fit_are_named(layer):
    grid = children(dtype=torch.float32)
    with pytest.raises(ValueError, match=r"poses must have shape \[b, 3, 16, h, w\], got \[2, 4"):
        layer(children(4, dtype=torch.float32))
    with pytest.raises(ValueError, match=r"poses must have shape \[b, i, d, h, w\]"):
        layer(MatrixCapsules(grid.poses[0], grid.activations))
    with pytest.raises(ValueError, match=r"activations must have shape \[2, 3, 5, 5\].* \[2, 3, 4"):
        layer(MatrixCapsules(grid.poses, grid.activations[:, :, 1:]))


def test_what_cannot_be_built_is_named():
    with pytest.raises(ValueError, match="iterations must be at least 1, got 0"):
        ConvolutionalCapsules(3, 2, iterations=0)
    with pytest.raises(ValueError, match="types must be at least 1, got 0"):
        PrimaryMatrixCapsules(3, types=0)
    with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
        ClassMatrixCapsules(3, 0)
    with pytest.raises(ValueError, match="kernel must fit into the grid of 5x5, got 6"):
        ConvolutionalCapsules(3, 2, kernel_size=6)(children(dtype=torch.float32))
