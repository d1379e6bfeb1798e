"""The equations, one pure function each.

Index letters are the book's: ``b`` batch, ``i`` child capsules, ``j`` parent capsules,
``d`` pose components. "Sabour" is Sabour, Frosst & Hinton, *Dynamic Routing Between
Capsules* (2017), arXiv:1710.09829.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from capsedu.errors import require_count, require_dims

Pair = int | tuple[int, int]
"""One number for both axes of a grid, or one for its rows and one for its columns."""


def capsule_length(poses: Tensor, dim: int = -1) -> Tensor:
    r"""Length of each capsule, read as the probability that its entity is there.

    Exactly 0 for the zero vector, where the gradient is 0 too; finite, as is its gradient, at
    :math:`10^{\pm20}` in float32.

    Args:
        poses: capsules, any shape ``[..., d, ...]``.
        dim: the axis of the pose components.

    Returns:
        Lengths, without the axis ``dim``, in the dtype of ``poses``.

    Source: Sabour, section 2.
    """
    return _norm(poses, dim).squeeze(dim).to(poses.dtype)


def squash(s: Tensor, dim: int = -1) -> Tensor:
    r"""Shrink each vector to a length below 1 and keep its direction.

    .. math:: v = \frac{\lVert s\rVert^2}{1+\lVert s\rVert^2}\,\frac{s}{\lVert s\rVert}

    It is computed as :math:`s \cdot n/(1+n^2)` with :math:`n=\lVert s\rVert`: without a
    division by the length, hence with a finite value and gradient at 0; and at
    :math:`10^{\pm20}` in float32 too.

    Args:
        s: total inputs, any shape ``[..., d, ...]``.
        dim: the axis of the pose components.

    Returns:
        Squashed vectors, same shape and dtype as ``s``.

    Source: Sabour, equation 1.
    """
    n = _norm(s, dim)
    # n/(1+n²) is the same for n and 1/n, and the square of the smaller one cannot overflow.
    small = torch.where(n > 1, n.clamp(min=1).reciprocal(), n)
    return s * (small / (1 + small * small)).to(s.dtype)


def exponential_squash(s: Tensor, dim: int = -1) -> Tensor:
    r"""A squash that leaves short vectors as they are.

    .. math:: v = \left(1 - e^{-\lVert s\rVert}\right)\frac{s}{\lVert s\rVert}

    Near 0 its slope is 1, where that of :func:`squash` is 0: a capsule that begins short does
    learn.

    Args:
        s: total inputs, any shape ``[..., d, ...]``.
        dim: the axis of the pose components.

    Returns:
        Squashed vectors, same shape and dtype as ``s``; finite, as is the gradient, at 0 too.

    Source: Mazzia, Salvetti & Chiaberge (2021), equation 2.
    """
    n = _norm(s, dim)
    # (1 - exp(-n))/n tends to 1; below 1e-3 three terms of its series are exact in float32.
    near, far = n.clamp(max=1e-3), n.clamp(min=1e-3)
    factor = torch.where(n < 1e-3, 1 - near / 2 + near * near / 6, -torch.expm1(-far) / far)
    return s * factor.to(s.dtype)


def _norm(s: Tensor, dim: int) -> Tensor:
    """Euclidean norm, ``dim`` kept, in float32 at least; gradient 0 at the zero vector.

    Dividing by the largest component first keeps the squares from overflowing. Their sum is
    then at least 1 (but for rounding), or 0 for the zero vector, where the clamp stops the
    gradient of the square root from becoming infinite.
    """
    largest = s.detach().abs().amax(dim, keepdim=True)
    squares = (s / torch.where(largest > 0, largest, 1)).square().sum(dim, keepdim=True)
    precise = torch.promote_types(s.dtype, torch.float32)
    return largest.to(precise) * squares.to(precise).clamp(min=0.5).sqrt()


def margin_loss(
    lengths: Tensor,
    targets: Tensor,
    positive: float = 0.9,
    negative: float = 0.1,
    down_weight: float = 0.5,
) -> Tensor:
    r"""Margin loss, summed over classes and averaged over the batch.

    .. math::
        L_j = T_j \max(0, m^+ - \lVert v_j\rVert)^2
              + \lambda (1 - T_j) \max(0, \lVert v_j\rVert - m^-)^2

    Args:
        lengths: capsule lengths ``[b, classes]``, in [0, 1].
        targets: class indices ``[b]`` (integers), or multi-hot ``[b, classes]`` where
            several classes may be present at once.
        positive: :math:`m^+`, the length a present class should reach.
        negative: :math:`m^-`, the length an absent class may keep.
        down_weight: :math:`\lambda`, the weight of the absent classes.

    Returns:
        A scalar.

    Raises:
        ValueError, TypeError: if a shape, dtype or class index does not fit.

    Source: Sabour, equation 4.
    """
    require_dims("lengths", lengths, "b classes")
    present = multi_hot(targets, lengths.shape[1]).to(lengths.dtype)
    if present.shape != lengths.shape:
        raise ValueError(f"targets must describe {lengths.shape[0]} images, got {targets.shape[0]}")
    missing = F.relu(positive - lengths).square()
    excess = F.relu(lengths - negative).square()
    return (present * missing + down_weight * (1 - present) * excess).sum(dim=1).mean()


def spread_loss(activations: Tensor, targets: Tensor, margin: float = 0.9) -> Tensor:
    r"""Spread loss, summed over the wrong classes and averaged over the batch.

    .. math:: L = \sum_{j \ne t} \max(0, m - (a_t - a_j))^2

    It looks only at how far the right class is ahead of each other one, not at where either
    stands.

    Args:
        activations: of the class capsules, ``[b, classes]``, in [0, 1].
        targets: class indices ``[b]`` (integers).
        margin: :math:`m`, by how much the right class should lead; from 0.2 at the beginning
            of a training to 0.9 (:func:`spread_margin`).

    Returns:
        A scalar.

    Raises:
        ValueError, TypeError: if a shape, dtype or class index does not fit.

    Source: Hinton, Sabour & Frosst (2018), equation 3.
    """
    require_dims("activations", activations, "b classes")
    if targets.dim() != 1:
        raise ValueError(f"targets must have shape [b], got {list(targets.shape)}")
    right = multi_hot(targets, activations.shape[1]).bool()
    if right.shape != activations.shape:
        raise ValueError(
            f"targets must describe {activations.shape[0]} images, got {targets.shape[0]}"
        )
    lead = activations[right].unsqueeze(1) - activations  # [b, classes]
    lacking = F.relu(margin - lead).square()
    return lacking.masked_fill(right, 0).sum(dim=1).mean()


def spread_margin(step: int) -> float:
    r"""The margin of :func:`spread_loss` at a training step, from 0.2 up to 0.99.

    .. math:: m = 0.2 + 0.79\, \sigma(\min(10, \text{step}/50\,000 - 4))

    Source: the schedule that the authors gave after publication. The paper (section 3) says
    that the margin rises linearly from 0.2 to 0.9.
    """
    return 0.2 + 0.79 / (1 + math.exp(-min(10.0, step / 50_000 - 4)))


def multi_hot(targets: Tensor, classes: int) -> Tensor:
    """Targets as one row of zeros and ones per image.

    Args:
        targets: class indices ``[b]``, or already multi-hot ``[b, classes]``.
        classes: how many classes there are.

    Returns:
        A tensor ``[b, classes]``.

    Raises:
        ValueError, TypeError: if the shape, dtype or a class index does not fit.
    """
    if not isinstance(targets, Tensor):
        raise TypeError(f"targets must be a torch tensor, got {type(targets).__name__}")
    if targets.dim() == 2:
        if targets.shape[1] != classes:
            raise ValueError(
                f"targets must have shape [b] or [b, {classes}], got {list(targets.shape)}"
            )
        return targets
    if targets.dim() != 1:
        raise ValueError(
            f"targets must have shape [b] or [b, {classes}], got {list(targets.shape)}"
        )
    if targets.is_floating_point() or targets.dtype == torch.bool:
        raise TypeError(f"targets of shape [b] must be class indices, got {targets.dtype}")
    targets = targets.long()
    if targets.numel() and not 0 <= int(targets.min()) <= int(targets.max()) < classes:
        raise ValueError(
            f"targets must be class indices from 0 to {classes - 1}, "
            f"got {int(targets.min())} to {int(targets.max())}"
        )
    return F.one_hot(targets, classes)


def reconstruction_loss(reconstruction: Tensor, images: Tensor) -> Tensor:
    """Squared error *summed* over the pixels of an image, averaged over the batch.

    The paper scales this sum by 0.0005. With the mean over pixels instead, the same
    factor would be 784 times too weak for a 28x28 image.

    Args:
        reconstruction: what the decoder drew, ``[b, c, h, w]``.
        images: what it should have drawn, same shape.

    Returns:
        A scalar.

    Raises:
        ValueError: if the shapes differ.

    Source: Sabour, section 4.1.
    """
    if reconstruction.shape != images.shape:
        raise ValueError(
            f"reconstruction must have the shape of images, {list(images.shape)}, "
            f"got {list(reconstruction.shape)}"
        )
    return (reconstruction - images).square().flatten(1).sum(dim=1).mean()


def gaussian_kl(mean: Tensor, log_deviation: Tensor) -> Tensor:
    r"""How far a normal distribution is from the standard one, in nats.

    .. math::
        KL\big(N(\mu, \sigma^2)\,\|\,N(0, 1)\big)
        = \sum_d \tfrac12\left(\mu_d^2 + \sigma_d^2 - 1\right) - \log\sigma_d

    Each of the components brings its own constant of :math:`-\tfrac12`. Gregor et al. (2015),
    equation 11, subtract :math:`T/2` for :math:`T` steps: right for latents of one number; for d
    numbers the result is still a bound, but T(d − 1)/2 nats too high.

    Args:
        mean: :math:`\mu`, ``[..., z]``.
        log_deviation: :math:`\log\sigma`, the same shape.

    Returns:
        Nats, at least 0, ``[...]``.

    Raises:
        ValueError: if the shapes differ.

    Source: Kingma & Welling, *Auto-Encoding Variational Bayes* (2014), appendix B.
    """
    if mean.shape != log_deviation.shape:
        raise ValueError(
            f"log_deviation must have the shape of mean, {list(mean.shape)}, "
            f"got {list(log_deviation.shape)}"
        )
    twice = mean.square() + (2 * log_deviation).exp() - 1 - 2 * log_deviation
    return twice.sum(dim=-1) / 2


def bernoulli_cost(logits: Tensor, images: Tensor) -> Tensor:
    r"""What it costs to tell an image to someone who knows the probabilities of its pixels.

    .. math:: -\log p(x \mid c) = -\sum_n x_n \log\sigma(c_n) + (1 - x_n)\log(1 - \sigma(c_n))

    With pixels between 0 and 1 it is the cost of such an image on average, if each pixel is
    drawn anew as 0 or 1 with its grey level as the probability.

    Args:
        logits: :math:`c`, ``[b, c, h, w]``.
        images: :math:`x` in [0, 1], the same shape.

    Returns:
        Nats per image, summed over the pixels, ``[b]``.

    Raises:
        ValueError: if the shapes differ.

    Source: Gregor et al., *DRAW* (2015), equation 9.
    """
    if logits.shape != images.shape:
        raise ValueError(
            f"logits must have the shape of images, {list(images.shape)}, got {list(logits.shape)}"
        )
    costs = F.binary_cross_entropy_with_logits(logits, images, reduction="none")
    return costs.flatten(1).sum(dim=1)


def slerp(start: Tensor, end: Tensor, share: float) -> Tensor:
    r"""A point on the way from one vector to another that keeps to the sphere.

    .. math::
        \frac{\sin((1-t)\,\omega)}{\sin\omega}\, a + \frac{\sin(t\,\omega)}{\sin\omega}\, b

    with the angle :math:`\omega` between them. Where the vectors are parallel the way is
    straight.

    Args:
        start: :math:`a`, ``[..., d]``.
        end: :math:`b`, same shape.
        share: :math:`t`, how much of the way is behind us: 0 at the start, 1 at the end.

    Returns:
        A vector of the same shape; as long as both where both are equally long.

    Raises:
        ValueError: if the shapes differ.

    Source: Shoemake, *Animating rotation with quaternion curves* (1985); for generators: White,
    *Sampling Generative Networks* (2016), arXiv:1609.04468.
    """
    if start.shape != end.shape:
        raise ValueError(
            f"end must have the shape of start, {list(start.shape)}, got {list(end.shape)}"
        )
    angle = F.cosine_similarity(start, end, dim=-1).clamp(-1, 1).acos().unsqueeze(-1)
    straight = angle.sin() < 1e-4
    whole = torch.where(straight, 1, angle.sin())
    first = torch.where(straight, 1 - share, ((1 - share) * angle).sin() / whole)
    second = torch.where(straight, share, (share * angle).sin() / whole)
    return first * start + second * end


def conv_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    r"""How many places a convolution's kernel finds along one axis of a grid.

    .. math:: \left\lfloor \frac{n + 2p - r(k-1) - 1}{s} \right\rfloor + 1

    for :math:`n` cells, kernel :math:`k`, stride :math:`s`, padding :math:`p`, dilation
    :math:`r`. It is 0 or less if the kernel is larger than the padded grid.
    """
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def transposed_conv_size(
    size: int,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> int:
    r"""How many cells a transposed convolution puts out along one axis of a grid.

    .. math:: s(n-1) + r(k-1) + 1 - 2p + q

    with the letters of :func:`conv_size` and the output padding :math:`q`. For
    :math:`q < s` this is the size that :func:`conv_size` turns into :math:`n`, and
    :math:`q` says which of the :math:`s` such sizes. It is 0 or less if the padding cuts
    everything off.
    """
    return stride * (size - 1) + dilation * (kernel - 1) + 1 - 2 * padding + output_padding


def transposed_conv_matrix(
    weight: Tensor,
    input_size: Pair,
    stride: Pair = 1,
    padding: Pair = 0,
    output_padding: Pair = 0,
    dilation: Pair = 1,
) -> Tensor:
    """The matrix that a transposed convolution is, from flattened input to flattened output.

    Row ``(channel, row, column)`` of the output says which inputs reach that cell and with
    which weights; a column says what one input paints. It is the transpose of the matrix of
    ``conv2d`` with the same weight, stride, padding and dilation. For people and for small
    grids: nearly all of it is zeros.

    Args:
        weight: ``[c_in, c_out, k, k]``, as for ``torch.nn.functional.conv_transpose2d``; the
            kernel may be rectangular.
        input_size: rows and columns ``h w`` of the input, at least 1.
        stride: how far apart two neighbouring inputs paint, at least 1.
        padding: how many cells are cut off at each border of the output.
        output_padding: how many cells are added at the bottom and at the right; less than
            the stride or less than the dilation.
        dilation: how far apart two neighbouring weights of the kernel paint, at least 1.

    Returns:
        ``[c_out * h_out * w_out, c_in * h * w]`` in the dtype of ``weight``, with
        ``h_out, w_out`` from :func:`transposed_conv_size`.

    Raises:
        ValueError, TypeError: if an argument does not fit, or the output would be empty.

    Source: Dumoulin & Visin, *A guide to convolution arithmetic for deep learning* (2016),
    chapter 4.
    """
    require_dims("weight", weight, "c_in c_out k k")
    axes = zip(
        weight.shape[2:],
        _pair("input_size", input_size, least=1),
        _pair("stride", stride, least=1),
        _pair("padding", padding, least=0),
        _pair("output_padding", output_padding, least=0),
        _pair("dilation", dilation, least=1),
        strict=True,
    )
    rows, columns = (_painting(*axis).to(weight) for axis in axes)
    matrix = torch.einsum("yhk,xwl,cdkl->dyxchw", rows, columns, weight)
    return matrix.flatten(3).flatten(0, 2)


def _painting(
    kernel: int, size: int, stride: int, padding: int, output_padding: int, dilation: int
) -> Tensor:
    """Along one axis, whether input ``h`` reaches output ``y`` by weight ``k``: ``[y, h, k]``."""
    if output_padding >= max(stride, dilation):
        raise ValueError(
            "output_padding must be less than the stride or the dilation, "
            f"got {output_padding} with stride {stride} and dilation {dilation}"
        )
    size_out = transposed_conv_size(size, kernel, stride, padding, output_padding, dilation)
    if size_out < 1:
        raise ValueError(
            f"padding must leave something of the output, got {padding}, "
            f"which makes {size} cells into {size_out}"
        )
    y, h, k = torch.arange(size_out), torch.arange(size), torch.arange(kernel)
    return y[:, None, None] == stride * h[:, None] + dilation * k - padding


def _pair(name: str, value: Pair, least: int) -> tuple[int, int]:
    pair = value if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"{name} must be one whole number or two, got {value!r}")
    for each in pair:
        require_count(name, each, least)
    return tuple(pair)
