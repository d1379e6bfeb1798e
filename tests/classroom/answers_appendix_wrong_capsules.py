"""The appendix on wrong capsules: usual mistakes, with what is said about each."""

import torch


def one_iteration(routing):
    votes = torch.randn(3, 6, 4, 3)
    return torch.allclose(routing(votes, 1)[:1], routing(votes[:1], 1), atol=1e-5)


def only_lengths(squash):
    s = torch.randn(2, 5, 4)
    n = s.norm(dim=-1)
    return torch.allclose(squash(s).norm(dim=-1), n**2 / (1 + n**2), atol=1e-5)


def only_below_one(squash):
    return bool((squash(torch.randn(2, 5, 4)).norm(dim=-1) < 1).all())


WRONG = [
    ("w.squash", only_lengths, "gradient at 0"),
    ("w.squash", only_below_one, "lets this pass"),
    ("w.squash", lambda squash: False, "rejects a right piece"),
    ("w.squash", lambda squash: squash(torch.ones(1, 1, 2)), "True or False"),
    ("w.one_place", lambda cut: cut(torch.rand(1, 16, 3, 3)).shape == (1, 18, 8), "channels first"),
    ("w.one_place", lambda cut: bool((cut(torch.ones(1, 16, 3, 3)) == 2).all()), "rejects"),
    ("w.share", lambda routing: True, "over the children"),
    ("w.company", one_iteration, "the batch shares"),
]
