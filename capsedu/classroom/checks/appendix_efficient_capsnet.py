"""Checks of the appendix on Efficient-CapsNet."""

import torch
from torch import Generator

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_number,
    expect_tensor,
    is_close,
    whole,
)
from capsedu.functional import exponential_squash, squash
from capsedu.routing.self_attention import attention_couplings, pairwise_attention

B, CHILDREN, PARENTS, D = 2, 7, 4, 9


@exercise("e.couplings")
def couplings(attempt: Attempt, random: Generator) -> None:
    votes = 0.5 * torch.randn(B, CHILDREN, PARENTS, D, generator=random)
    found = expect_tensor(attempt(votes), [B, CHILDREN, PARENTS], "b i j")
    wanted = attention_couplings(votes)
    if is_close(found, wanted):
        return
    rows = pairwise_attention(votes).sum(dim=3).transpose(1, 2)  # [b, i, j]
    if is_close(found, rows):
        raise Finding("these are the logits; the softmax is missing")
    if is_close(found, rows.softmax(dim=1)):
        raise Finding("your couplings sum to 1 over the children; they must over the parents")
    if is_close(found, (rows * D**0.5).softmax(dim=2)):
        raise Finding("the agreement is not divided by the square root of d")
    if is_close(found, (rows / CHILDREN).softmax(dim=2)):
        raise Finding("this compares with the mean of the votes; it is their sum")
    expect_close(found, wanted)


@exercise("e.squash")
def squashed(attempt: Attempt, random: Generator) -> None:
    s = torch.randn(6, 5, generator=random)
    found = expect_tensor(attempt(s), [6, 5], "n d")
    if is_close(found, squash(s)):
        raise Finding("this is CapsNet's squash; here the length becomes 1 - exp(-n)")
    if is_close(found, s * -torch.expm1(-s.norm(dim=1, keepdim=True))):
        raise Finding("the vector is not divided by its length")
    expect_close(found, exponential_squash(s))
    zero = torch.zeros(1, 5, requires_grad=True)
    at_zero = attempt(zero)
    if not isinstance(at_zero, torch.Tensor) or not at_zero.isfinite().all():
        raise Finding("right, except that the zero vector does not give finite numbers")
    if not at_zero.requires_grad:
        raise Finding("no gradient reaches s")
    (slope,) = torch.autograd.grad(at_zero.sum(), zero)
    if not slope.isfinite().all():
        raise Finding("right, except that the gradient at 0 is not finite")


@exercise("e.count")
def count(attempt: Attempt, random: Generator) -> None:
    children, e, classes, d = (whole(2, 20, random) for _ in range(4))
    found = attempt(children, e, classes, d)
    wanted = children * classes * (e * d + 1)
    if found == wanted:
        return
    if found == children * classes * e * d:
        raise Finding("the priors are missing: one for each child and class")
    if found == children * classes * (e * d + d):
        raise Finding("a prior is one number, not one for each component")
    expect_number(found, wanted, tolerance=1e-9)
