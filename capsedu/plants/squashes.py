"""The squash, as it should be and in five ways that public code and one paper have it."""

from torch import Tensor


def squash(s: Tensor) -> Tensor:
    """As it should be: ``[b, i, d]``, each capsule by itself."""
    n = s.norm(dim=-1, keepdim=True)
    return s * n / (1 + n.square())


def per_component(s: Tensor) -> Tensor:
    """Each component is squashed as if it were a capsule."""
    n = s.abs()
    return s * n / (1 + n.square())


def wrong_axis(s: Tensor) -> Tensor:
    """The norm is taken over the capsules."""
    n = s.norm(dim=1, keepdim=True)
    return s * n / (1 + n.square())


def without_square(s: Tensor) -> Tensor:
    """A length of n becomes n/(1 + n)."""
    n = s.norm(dim=-1, keepdim=True)
    return s / (1 + n)


def square_too_many(s: Tensor) -> Tensor:
    """A length of n becomes n/(1 + n²), as a paper prints it: at most one half."""
    n = s.norm(dim=-1, keepdim=True)
    return s / (1 + n.square())


def root_of_squares(s: Tensor) -> Tensor:
    """The value is right; the slope of a root at 0 is infinite."""
    n = s.square().sum(dim=-1, keepdim=True).sqrt()
    return s * n / (1 + n.square())
