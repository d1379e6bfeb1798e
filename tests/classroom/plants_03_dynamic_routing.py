"""Assignment 3: classic mistakes, each with the one test that fails and what it says."""

PLANTS = [
    (
        "places before types",
        "make_votes",
        """
def make_votes(children, weight):
    return torch.einsum("bthwe,tjed->bhwtjd", children, weight).flatten(1, 3)
""",
        "votes_order",
        "in another order",
    ),
    (
        "softmax over the children",
        "one_round",
        """
def one_round(votes, logits):
    couplings = logits.softmax(dim=1)
    poses = squash(torch.einsum("bij,bijd->bjd", couplings, votes))
    return couplings, poses, torch.einsum("bijd,bjd->bij", votes, poses)
""",
        "round_couplings",
        "gives away",
    ),
    (
        "the cosine in place of the dot product",
        "one_round",
        """
def one_round(votes, logits):
    couplings = logits.softmax(dim=2)
    poses = squash(torch.einsum("bij,bijd->bjd", couplings, votes))
    return couplings, poses, torch.cosine_similarity(votes, poses.unsqueeze(1), dim=-1)
""",
        "round_agreement",
        "the agreement of child 0",
    ),
    (
        "the agreement replaces the logits",
        "route",
        """
def route(votes, iterations, one_round):
    logits = votes.new_zeros(votes.shape[:3])
    history = []
    for _ in range(iterations):
        couplings, poses, logits = one_round(votes, logits)
        history.append(couplings)
    return poses, torch.stack(history)
""",
        "loop_logits",
        "the logits of round 3 should be 3",
    ),
    (
        "three rounds that are four",
        "route",
        """
def route(votes, iterations, one_round):
    logits = votes.new_zeros(votes.shape[:3])
    history = []
    for _ in range(iterations + 1):
        couplings, poses, agreement = one_round(votes, logits)
        history.append(couplings)
        logits = logits + agreement
    return poses, torch.stack(history[:iterations])
""",
        "loop_result",
        "there are",
    ),
    (
        "detach forgotten",
        "route_detached",
        """
def route_detached(votes, iterations):
    return dynamic_routing(votes, iterations)
""",
        "detached_gradient",
        "from that with constant couplings",
    ),
    (
        "0/0 where nothing is voted",
        "agreement_of_votes",
        """
def agreement_of_votes(votes, couplings):
    length = torch.einsum("bij,bijd->bjd", couplings, votes).norm(dim=-1)
    return length / (couplings * votes.norm(dim=-1)).sum(dim=1)
""",
        "agreement_zero",
        "not finite",
    ),
    (
        "weights scaled for one child, which saturate with a thousand",
        "capsule_layer",
        """
class CapsuleLayer(nn.Module):
    def __init__(self, children, child_dim, parents, parent_dim, iterations=3):
        super().__init__()
        self.iterations = iterations
        self.weight = nn.Parameter(
            torch.randn(children, parents, child_dim, parent_dim) / child_dim**0.5
        )

    def votes(self, children):
        return torch.einsum("bie,ijed->bijd", children, self.weight)

    def forward(self, children):
        return dynamic_routing(self.votes(children), self.iterations)
""",
        "layer_scale",
        "saturated",
    ),
]
