"""Assignment 2: classic mistakes, each with the one test that fails and what it says."""

PLANTS = [
    (
        "a square too many: n/(1+n²)",
        "squash",
        """
def squash(s, dim=-1):
    return s / (1 + s.square().sum(dim, keepdim=True))
""",
        "squash_values",
        "and should be",
    ),
    (
        "NaN at zero",
        "squash",
        """
def squash(s, dim=-1):
    wide = s.double()
    n2 = wide.square().sum(dim, keepdim=True)
    return (n2 / (1 + n2) * wide / n2.sqrt()).to(s.dtype)
""",
        "squash_zero",
        "not finite",
    ),
    (
        "an epsilon cures zero and not the large ones",
        "squash",
        """
def squash(s, dim=-1):
    n2 = s.square().sum(dim, keepdim=True)
    return n2 / (1 + n2) * s / (n2 + 1e-12).sqrt()
""",
        "squash_extreme",
        "1e+20",
    ),
    (
        "only the first term of the Jacobian",
        "jacobian",
        """
def jacobian(s):
    n = s.norm(dim=-1)[..., None, None]
    return n / (1 + n**2) * torch.eye(s.shape[-1], dtype=s.dtype)
""",
        "jacobian_values",
        "the derivative of v[0]",
    ),
    (
        "the length of a zero pose has no gradient",
        "read_out",
        """
def read_out(poses, threshold=0.5):
    lengths = poses.square().sum(dim=-1).sqrt()
    return lengths, (lengths > threshold).to(lengths.dtype)
""",
        "read_out_zero",
        "not finite",
    ),
    (
        "margin loss without the squares",
        "margin_loss",
        """
def margin_loss(lengths, present, positive=0.9, negative=0.1, down_weight=0.5):
    missing, excess = (positive - lengths).relu(), (lengths - negative).relu()
    return (present * missing + down_weight * (1 - present) * excess).sum(dim=1).mean()
""",
        "loss_values",
        "the loss is",
    ),
    (
        "one class per image",
        "margin_loss",
        """
def margin_loss(lengths, present, positive=0.9, negative=0.1, down_weight=0.5):
    present = torch.nn.functional.one_hot(present.argmax(dim=1), present.shape[1])
    missing = (positive - lengths).relu().square()
    excess = (lengths - negative).relu().square()
    return (present * missing + down_weight * (1 - present) * excess).sum(dim=1).mean()
""",
        "loss_several",
        "classes present in the first",
    ),
    (
        "the mean over the pixels",
        "reconstruction_loss",
        """
def reconstruction_loss(drawn, images):
    return torch.nn.functional.mse_loss(drawn, images)
""",
        "reconstruction_values",
        "the loss is",
    ),
    (
        "the drawing is masked by the prediction while it trains",
        "shown",
        """
def shown(poses, targets, training):
    longest = poses.norm(dim=2).argmax(dim=1)
    return poses * functional.multi_hot(longest, poses.shape[1]).unsqueeze(2)
""",
        "shown_values",
        "while it trains",
    ),
    (
        "squashed along the classes",
        "capsule_classifier",
        """
class CapsuleClassifier(nn.Module):
    def __init__(self, pixels=784, classes=10, dim=8):
        super().__init__()
        self.classes = classes
        self.totals = nn.Linear(pixels, classes * dim)

    def forward(self, images):
        totals = self.totals(images.flatten(1)).unflatten(1, (self.classes, -1))
        return functional.squash(totals, dim=1)
""",
        "classifier_poses",
        "should be nearly 1 long",
    ),
]
