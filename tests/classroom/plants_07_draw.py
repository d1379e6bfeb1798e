"""Assignment 7: wrong answers that are often given, and the one test that each should fail."""

PLANTS = [
    (
        "pixels counted from 1, as in the paper",
        "place_window",
        """
def place_window(parameters, cells, size):
    centre = (size + 1) / 2 * (parameters[:, :2] + 1)
    variance, stride, intensity = parameters[:, 2:].exp().unbind(dim=1)
    return centre, (size - 1) / (cells - 1) * stride, variance, intensity
""",
        "window_zeros",
        "a window of five zeros stands at",
    ),
    (
        "filters counted from 0",
        "filter_bank",
        """
def filter_bank(centre, stride, variance, cells, size):
    steps = torch.arange(cells) - cells / 2 - 0.5
    places = centre.unsqueeze(1) + stride.unsqueeze(1) * steps
    away = torch.arange(size) - places.unsqueeze(2)
    return (-away.square() / (2 * variance[:, None, None])).softmax(dim=2)
""",
        "filter_places",
        "pixels from where they should",
    ),
    (
        "the square around the whole exponent",
        "filter_bank",
        """
def filter_bank(centre, stride, variance, cells, size):
    steps = torch.arange(cells) - (cells - 1) / 2
    places = centre.unsqueeze(1) + stride.unsqueeze(1) * steps
    away = torch.arange(size) - places.unsqueeze(2)
    return (-(away / (2 * variance[:, None, None])).square()).softmax(dim=2)
""",
        "filter_widths",
        "look at the exponent",
    ),
    (
        "an epsilon in place of a softmax",
        "filter_bank",
        """
def filter_bank(centre, stride, variance, cells, size):
    steps = torch.arange(cells) - (cells - 1) / 2
    places = centre.unsqueeze(1) + stride.unsqueeze(1) * steps
    away = torch.arange(size) - places.unsqueeze(2)
    weights = (-away.square() / (2 * variance[:, None, None])).exp()
    return weights / (weights.sum(dim=2, keepdim=True) + 1e-8)
""",
        "filter_outside",
        "the rows should sum to 1",
    ),
    (
        "logits in the error image",
        "read",
        """
def read(images, canvas, bank_x, bank_y, intensity):
    both = torch.stack([images, images - canvas], dim=1)
    glimpses = bank_y.unsqueeze(1) @ both @ bank_x.unsqueeze(1).mT
    return intensity.unsqueeze(1) * glimpses.flatten(1)
""",
        "read_error",
        "the image minus the canvas as",
    ),
    (
        "the patch on its side",
        "write",
        """
def write(patches, bank_x, bank_y, intensity):
    return bank_y.mT @ patches.mT @ bank_x / intensity[:, None, None]
""",
        "write_adjoint",
        "with the written patch should be the same",
    ),
    (
        "paint multiplied by the intensity",
        "write",
        """
def write(patches, bank_x, bank_y, intensity):
    return bank_y.mT @ patches @ bank_x * intensity[:, None, None]
""",
        "write_intensity",
        "should leave a quarter of the paint",
    ),
    (
        "½ for each step",
        "told",
        """
def told(mean, log_deviation):
    each = 0.5 * (mean.square() + (2 * log_deviation).exp()) - log_deviation
    return each.sum(dim=2) - 0.5
""",
        "told_nothing",
        "that say nothing should cost nothing",
    ),
    (
        "the logarithm of the variance",
        "told",
        """
def told(mean, log_deviation):
    each = 0.5 * (mean.square() + (2 * log_deviation).exp() - 1) - 2 * log_deviation
    return each.sum(dim=2)
""",
        "told_something",
        "cost more than latents that say nothing",
    ),
    (
        "a draw that no gradient passes",
        "sample",
        """
def sample(mean, log_deviation, draws, rng=None):
    many = mean.expand(draws, *mean.shape)
    return torch.normal(many.detach(), log_deviation.detach().exp().expand_as(many), generator=rng)
""",
        "sample_gradient",
        "no gradient passes",
    ),
    (
        "the last output paints",
        "one_step",
        """
def one_step(network, images, canvas, encoder, decoder, noise):
    glimpse = network.read(images, canvas, decoder[0])
    encoder = network.encode(glimpse, decoder[0], encoder)
    mean, log_deviation = network.posterior(encoder[0])
    canvas = canvas + network.write(decoder[0])
    decoder = network.decode(mean + log_deviation.exp() * noise, decoder)
    return canvas, encoder, decoder, mean, log_deviation
""",
        "step_canvas",
        "new output should paint",
    ),
    (
        "a mean over the pixels",
        "bound",
        """
def bound(canvas, images, nats):
    pixels = F.binary_cross_entropy_with_logits(canvas, images)
    return pixels + nats.sum(dim=1).mean()
""",
        "bound_pixels",
        "summed over the pixels",
    ),
    (
        "the mean after the logarithm",
        "estimate",
        """
def estimate(latents, mean, log_deviation, costs):
    noise = (latents - mean) / log_deviation.exp()
    ratios = (0.5 * (noise.square() - latents.square()) + log_deviation).sum(dim=2)
    return (ratios - costs).mean(dim=0)
""",
        "estimate_values",
        "with 4 draws the estimate is off",
    ),
    (
        "the margin loss without its squares",
        "class_term",
        """
def class_term(capsules, targets, weight):
    lengths = capsules.norm(dim=2)
    right = F.one_hot(targets, capsules.shape[1])
    lacking, too_long = (0.9 - lengths).relu(), (lengths - 0.1).relu()
    return weight * (right * lacking + 0.5 * (1 - right) * too_long).sum(dim=1).mean()
""",
        "class_values",
        "the term is",
    ),
    (
        "a root with an infinite slope",
        "class_term",
        """
def class_term(capsules, targets, weight):
    lengths = capsules.square().sum(dim=2).sqrt()
    right = F.one_hot(targets, capsules.shape[1])
    lacking, too_long = (0.9 - lengths).relu().square(), (lengths - 0.1).relu().square()
    return weight * (right * lacking + 0.5 * (1 - right) * too_long).sum(dim=1).mean()
""",
        "class_gradient",
        "the gradient is not finite",
    ),
]
