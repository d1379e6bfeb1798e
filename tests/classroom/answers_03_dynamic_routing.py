"""Chapter 3: usual mistakes, with what is said about each; other right answers."""

import torch
from worked_solutions import solution

from capsedu.functional import squash
from capsedu.routing.dynamic import dynamic_routing, dynamic_routing_steps
from capsedu.routing.voteless import child_votes

agreement = solution("03.agreement")


def one_round(votes, logits, dim=2):
    poses = squash((logits.softmax(dim=dim).unsqueeze(-1) * votes).sum(dim=1))
    return poses, logits + agreement(votes, poses)


def routing(votes, iterations, dim=2):
    logits = torch.zeros(votes.shape[:3])
    for _ in range(iterations):
        poses, logits = one_round(votes, logits, dim)
    return poses


def totals(votes, iterations):
    return list(dynamic_routing_steps(votes, iterations))[-1].totals


ALSO_RIGHT = [
    ("03.votes", child_votes),
    ("03.routing", dynamic_routing),
]

WRONG = [
    ("03.votes", lambda u, w: child_votes(u, w).transpose(1, 2), "shape"),
    ("03.votes", lambda u, w: child_votes(u, -w), "entry"),
    ("03.couplings", lambda b: b.softmax(dim=1), "sum to 1 over the children"),
    ("03.couplings", lambda b: b.flatten(1).softmax(1).view_as(b), "over all pairs"),
    ("03.couplings", lambda b: b.sigmoid(), "in all"),
    ("03.couplings", lambda b: b, "negative"),
    ("03.couplings", lambda b: b.exp() / b.exp().sum(2, keepdim=True), "exp overflows"),
    ("03.agreement", lambda u, v: torch.cosine_similarity(u, v[:, None], -1), "cosine"),
    ("03.agreement", lambda u, v: (u * v[:, None]).mean(-1), "mean over the components"),
    ("03.agreement", lambda u, v: (u + v[:, None]).sum(-1), "entry"),
    ("03.one_round", lambda u, b: one_round(u, b, dim=1), "runs over the children"),
    ("03.one_round", lambda u, b: one_round(u, b)[0], "a pair is wanted"),
    ("03.one_round", lambda u, b: (one_round(u, b)[0], ...), "not written yet"),
    ("03.one_round", lambda u, b: (one_round(u, b)[0], b), "have not changed"),
    ("03.one_round", lambda u, b: (one_round(u, b)[0], one_round(u, b)[1] - b), "replaces"),
    ("03.routing", lambda u, n: routing(u, n + 1), "iterations you do"),
    ("03.routing", lambda u, n: routing(u, max(1, n - 1)), "iterations you do"),
    ("03.routing", totals, "unsquashed"),
    ("03.routing", lambda u, n: routing(u, n, dim=1), "runs over the children"),
]
