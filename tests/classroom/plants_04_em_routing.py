"""Assignment 4: wrong answers that are often given, and the one test that each should fail."""

PLANTS = [
    (
        "the variance in place of the deviation",
        "log_density",
        """
def log_density(votes, means, variances):
    squares = (votes - means.unsqueeze(1)).square() / (2 * variances.unsqueeze(1))
    constant = 0.5 * math.log(2 * math.pi)
    return -(squares + variances.log().unsqueeze(1) + constant).sum(dim=3)
""",
        "density_values",
        "a log density is off by",
    ),
    (
        "the density before its logarithm",
        "log_density",
        """
def log_density(votes, means, variances):
    squares = (votes - means.unsqueeze(1)).square() / (2 * variances.unsqueeze(1))
    densities = (-squares).exp() / (2 * math.pi * variances).sqrt().unsqueeze(1)
    return densities.log().sum(dim=3)
""",
        "density_far",
        "is not finite",
    ),
    (
        "the children's activations are left out",
        "m_step",
        """
def m_step(votes, assignments, activations, floor=FLOOR):
    received = assignments.sum(dim=1)
    shares = assignments / received.clamp(min=1e-8).unsqueeze(1)
    means = torch.einsum("bij,bijd->bjd", shares, votes)
    squares = (votes - means.unsqueeze(1)).square()
    return means, torch.einsum("bij,bijd->bjd", shares, squares) + floor, received
""",
        "m_step_means",
        "weights are assignments times activations",
    ),
    (
        "the floor as a minimum, not added",
        "m_step",
        """
def m_step(votes, assignments, activations, floor=FLOOR):
    weights = assignments * activations.unsqueeze(2)
    received = weights.sum(dim=1)
    shares = weights / received.clamp(min=1e-8).unsqueeze(1)
    means = torch.einsum("bij,bijd->bjd", shares, votes)
    squares = (votes - means.unsqueeze(1)).square()
    variances = torch.einsum("bij,bijd->bjd", shares, squares)
    return means, variances.clamp(min=floor), received
""",
        "m_step_variances",
        "with a floor of",
    ),
    (
        "0 / 0 where a parent receives nothing",
        "m_step",
        """
def m_step(votes, assignments, activations, floor=FLOOR):
    weights = assignments * activations.unsqueeze(2)
    received = weights.sum(dim=1)
    shares = weights / received.unsqueeze(1)
    means = torch.einsum("bij,bijd->bjd", shares, votes)
    squares = (votes - means.unsqueeze(1)).square()
    return means, torch.einsum("bij,bijd->bjd", shares, squares) + floor, received
""",
        "m_step_empty",
        "has a NaN or an infinite number",
    ),
    (
        "the log of the variance in the cost",
        "activity",
        """
def activity(received, variances, beta_u, beta_a, t, final):
    costs = received * (beta_u.unsqueeze(1) + variances.log()).sum(dim=2)
    return final * (1 - 0.95 ** (t + 1)) * (beta_a - costs)
""",
        "activity_cost",
        "what a parent saves is off by",
    ),
    (
        "no schedule",
        "activity",
        """
def activity(received, variances, beta_u, beta_a, t, final):
    costs = received * (beta_u.unsqueeze(1) + 0.5 * variances.log()).sum(dim=2)
    return final * (beta_a - costs)
""",
        "activity_temperature",
        "the inverse temperature is 1.0000",
    ),
    (
        "softmax over the children",
        "e_step",
        """
def e_step(log_densities, logits, connected):
    scores = log_densities + F.logsigmoid(logits).unsqueeze(1)
    return scores.masked_fill(~connected, -1e30).softmax(dim=1) * connected
""",
        "e_step_values",
        "over the parents",
    ),
    (
        "divided among all, then masked",
        "e_step",
        """
def e_step(log_densities, logits, connected):
    scores = log_densities + F.logsigmoid(logits).unsqueeze(1)
    return scores.softmax(dim=2) * connected
""",
        "e_step_connected",
        "should give each a half",
    ),
    (
        "the left-hand column",
        "add_places",
        """
def add_places(votes, height, width):
    rows, columns = ((torch.arange(n) + 0.5) / n for n in (height, width))
    cells = torch.cartesian_prod(rows, columns)
    result = votes.clone()
    result[..., :2, 0] += cells.repeat(votes.shape[1] // len(cells), 1).unsqueeze(1)
    return result
""",
        "places_column",
        "these numbers should change",
    ),
    (
        "corners in place of centres",
        "add_places",
        """
def add_places(votes, height, width):
    rows, columns = (torch.arange(n) / n for n in (height, width))
    cells = torch.cartesian_prod(rows, columns)
    result = votes.clone()
    result[..., :2, -1] += cells.repeat(votes.shape[1] // len(cells), 1).unsqueeze(1)
    return result
""",
        "places_values",
        "is added instead of",
    ),
    (
        "a pass too many",
        "route",
        """
def route(votes, activations, beta_u, beta_a, iterations, final, connected, parts):
    log_density, m_step, activity, e_step = parts
    assignments = connected / connected.sum(dim=1, keepdim=True).clamp(min=1)
    assignments = assignments.expand(votes.shape[:3])
    for t in range(iterations + 1):
        means, variances, received = m_step(votes, assignments, activations)
        logits = activity(received, variances, beta_u, beta_a, t, final)
        if t < iterations:
            assignments = e_step(log_density(votes, means, variances), logits, connected)
    return means, logits, assignments
""",
        "route_rounds",
        "M-steps",
    ),
    (
        "the children's activations count in the first M-step only",
        "route",
        """
def route(votes, activations, beta_u, beta_a, iterations, final, connected, parts):
    log_density, m_step, activity, e_step = parts
    assignments = connected / connected.sum(dim=1, keepdim=True).clamp(min=1)
    assignments = assignments.expand(votes.shape[:3])
    for t in range(iterations):
        means, variances, received = m_step(votes, assignments, activations)
        logits = activity(received, variances, beta_u, beta_a, t, final)
        if t < iterations - 1:
            assignments = e_step(log_density(votes, means, variances), logits, connected)
        activations = torch.ones_like(activations)
    return means, logits, assignments
""",
        "route_weights",
        "count in every M-step",
    ),
    (
        "the temperature never falls",
        "route",
        """
def route(votes, activations, beta_u, beta_a, iterations, final, connected, parts):
    log_density, m_step, activity, e_step = parts
    assignments = connected / connected.sum(dim=1, keepdim=True).clamp(min=1)
    assignments = assignments.expand(votes.shape[:3])
    for t in range(iterations):
        means, variances, received = m_step(votes, assignments, activations)
        logits = activity(received, variances, beta_u, beta_a, 0, final)
        if t < iterations - 1:
            assignments = e_step(log_density(votes, means, variances), logits, connected)
    return means, logits, assignments
""",
        "route_temperature",
        "never rises",
    ),
    (
        "the margin is at its end from the beginning",
        "spread",
        """
def spread(activations, targets, step):
    right = F.one_hot(targets, activations.shape[1]).bool()
    lead = activations[right].unsqueeze(1) - activations
    return (0.99 - lead).relu().square().masked_fill(right, 0).sum(dim=1).mean()
""",
        "spread_schedule",
        "the margin is 0.990",
    ),
]
