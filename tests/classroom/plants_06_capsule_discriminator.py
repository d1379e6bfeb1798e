"""Assignment 6: the usual mistakes, and the one test that each of them fails.

A plant is (what is wrong, the answer's name, its whole cell, the test, a phrase of the message).
"""

_JUDGE = """
class CapsuleJudge(nn.Module):
    def __init__(self, channels, types, deviation=0.1, iterations=3):
        super().__init__()
        self.convolution = nn.Conv2d(1, channels, 5, 2)
        self.primary = nn.Conv2d(channels, 8 * types, 5, 2)
        self.weight = nn.Parameter({scale} * torch.randn(types * 4 * 4, 2, 8, 16))
        self.iterations = iterations

    def forward(self, images):
        features = self.primary(F.relu(self.convolution(images)))
        votes = torch.einsum("bie,ijed->bijd", squash({children}), self.weight)
        return capsule_length(dynamic_routing(votes, self.iterations))
"""
_RIGHT = "features.unflatten(1, (8, -1)).flatten(2).transpose(1, 2)"

PLANTS = [
    (
        "capsules cut across places",
        "cut",
        """
def cut(features, dim):
    return features.reshape(len(features), -1, dim)
""",
        "cut_capsules",
        "across places",
    ),
    (
        "matrices shared between places",
        "count_parameters",
        """
def count_parameters(size, channels, kernel, types, dim, parents, parent_dim):
    first = channels * (kernel**2 + 1)
    second = dim * types * (channels * kernel**2 + 1)
    return first, second, types * parents * dim * parent_dim
""",
        "count_votes",
        "matrices of one place",
    ),
    (
        "logits shared across the batch",
        "route_or_none",
        """
def route_or_none(votes, iterations):
    logits = torch.zeros(votes.shape[1])
    for t in range(iterations):
        couplings = logits.sigmoid().expand(len(votes), -1)
        pose = squash((couplings.unsqueeze(2) * votes).sum(dim=1))
        if t < iterations - 1:
            logits = logits + (votes * pose.unsqueeze(1)).sum(dim=2).mean(dim=0)
    return pose, couplings
""",
        "none_alone",
        "logits belong to an image",
    ),
    (
        "softmax over the children",
        "route_or_none",
        """
def route_or_none(votes, iterations):
    logits = votes.new_zeros(votes.shape[:2])
    for t in range(iterations):
        couplings = logits.softmax(dim=1)
        pose = squash((couplings.unsqueeze(2) * votes).sum(dim=1))
        if t < iterations - 1:
            logits = logits + (votes * pose.unsqueeze(1)).sum(dim=2)
    return pose, couplings
""",
        "none_values",
        "gives half of itself",
    ),
    (
        "logarithm of one minus a rounded length",
        "length_loss",
        """
def length_loss(totals, label):
    length = capsule_length(squash(totals))
    return -(length + 1e-12 if label == 1 else 1 - length).log().mean()
""",
        "length_extremes",
        "with label 0",
    ),
    (
        "the generator's loss is minus the discriminator's",
        "margin_losses",
        """
def margin_losses(real, made):
    def loss(lengths, k):
        missing, excess = 0.9 - lengths[:, k], lengths[:, 1 - k] - 0.1
        return (missing.clamp(min=0) ** 2 + 0.5 * excess.clamp(min=0) ** 2).mean()

    return loss(real, 0) + loss(made, 1), -loss(made, 1)
""",
        "margin_maker",
        "minus the discriminator's loss",
    ),
    (
        "votes that start saturated",
        "capsule_judge",
        _JUDGE.format(scale="1.0", children=_RIGHT),
        "judge_starts",
        "start with a deviation of",
    ),
    (
        "the discriminator's capsules cut across places",
        "capsule_judge",
        _JUDGE.format(scale="deviation", children="features.reshape(len(features), -1, 8)"),
        "judge_lengths",
        "across places",
    ),
]
