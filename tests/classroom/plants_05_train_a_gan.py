"""Assignment 5: the usual mistakes, and the one test that each of them fails.

A plant is (what is wrong, the answer's name, its whole cell, the test, a phrase of the message).
"""

PLANTS = [
    (
        "every score against every label",
        "score_loss",
        """
def score_loss(scores, labels):
    return (labels * F.softplus(-scores) + (1 - labels) * F.softplus(scores)).mean()
""",
        "loss_pairs",
        "every score met every label",
    ),
    (
        "logarithm of a rounded 0",
        "score_loss",
        """
def score_loss(scores, labels):
    p = scores.flatten().sigmoid()
    return -(labels * p.log() + (1 - labels) * (1 - p).log()).mean()
""",
        "loss_large",
        "at a score of",
    ),
    (
        "softmax before cross-entropy",
        "two_score_losses",
        """
def two_score_losses(real, made):
    real, made = real.softmax(dim=1), made.softmax(dim=1)
    one, zero = torch.ones(len(made)).long(), torch.zeros(len(real)).long()
    judge = F.cross_entropy(real, zero) + F.cross_entropy(made, one)
    return judge, F.cross_entropy(made, 1 - one)
""",
        "two_scores",
        "softmax before cross_entropy",
    ),
    (
        "detach forgotten",
        "discriminator_step",
        """
def discriminator_step(generator, discriminator, optimizer, real, noise):
    made = generator(noise)
    loss = NonSaturating().discriminator_loss(discriminator(real), discriminator(made))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
""",
        "step_detached",
        "detach is missing",
    ),
    (
        "real and made in one batch",
        "discriminator_step",
        """
def discriminator_step(generator, discriminator, optimizer, real, noise):
    made = generator(noise).detach()
    scores = discriminator(torch.cat([real, made]))
    loss = NonSaturating().discriminator_loss(scores[: len(real)], scores[len(real) :])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
""",
        "step_apart",
        "not in one batch",
    ),
    (
        "Keras' momentum in eps",
        "painting_block",
        """
def painting_block(c_in, c_out, keep):
    convolution = nn.ConvTranspose2d(c_in, c_out, 4, 2, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(c_out, keep, momentum=1 - keep), nn.ReLU())
""",
        "block_eps",
        "eps is too large",
    ),
    (
        "collapse looked for in the losses",
        "diagnose",
        """
def diagnose(history):
    end = history[-40:]
    judge = [row["discriminator_loss"] for row in end]
    if not all(math.isfinite(loss) and loss < 100 for loss in judge):
        return "diverged"
    return "overpowered" if sorted(judge)[20] < 0.1 else "healthy"
""",
        "sees_collapse",
        "the losses do not show it",
    ),
    (
        "create_graph forgotten",
        "gradient_penalty",
        """
def gradient_penalty(critic, real, made, shares):
    shares = shares.view(-1, *[1] * (real.dim() - 1))
    between = torch.lerp(real, made, shares).requires_grad_()
    (slopes,) = torch.autograd.grad(critic(between).sum(), between)
    return (slopes.flatten(1).norm(dim=1) - 1).square().mean()
""",
        "penalty_trains",
        "without create_graph",
    ),
]
