"""Every named experiment, defined once: data, network, objective, and how large.

``EXPERIMENTS["capsnet-mnist"]`` is what ``capsedu train capsnet-mnist`` runs, what the
chapters load and what the results page lists.
"""

import re
from dataclasses import replace

from capsedu.errors import require_known
from capsedu.experiments.capsgan import CAPSGAN
from capsedu.experiments.capsgan_3d import CAPSGAN_3D
from capsedu.experiments.digit_classifier import DIGIT_CLASSIFIER
from capsedu.experiments.dynamic_routing import DYNAMIC_ROUTING
from capsedu.experiments.efficient_capsnet import EFFICIENT_CAPSNET
from capsedu.experiments.em_routing import EM_ROUTING
from capsedu.experiments.experiment import Experiment
from capsedu.experiments.gan_zoo import GAN_ZOO
from capsedu.experiments.toy_classifier import TOY_CLASSIFIER
from capsedu.experiments.transforming import TRANSFORMING_AUTOENCODERS
from capsedu.experiments.variational import VARIATIONAL
from capsedu.experiments.wrong_capsules import WRONG_CAPSULES

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        *DYNAMIC_ROUTING,
        *EM_ROUTING,
        *EFFICIENT_CAPSNET,
        *DIGIT_CLASSIFIER,
        *TOY_CLASSIFIER,
        *TRANSFORMING_AUTOENCODERS,
        *CAPSGAN,
        *GAN_ZOO,
        *CAPSGAN_3D,
        *VARIATIONAL,
        *WRONG_CAPSULES,
    )
}


def experiment(name: str, data: str | None = None) -> Experiment:
    """The experiment called ``name``, on other images if ``data`` names some.

    Raises:
        CapseduError: if there is no such experiment.
    """
    require_known("experiment", name, EXPERIMENTS)
    chosen = EXPERIMENTS[name]
    if data is None or data == chosen.data:
        return chosen
    where = re.sub(r"[^A-Za-z0-9]+", "-", data).strip("-")
    as_published = data == chosen.published_data
    return replace(
        chosen,
        name=f"{name}-on-{where}",
        title=f"{chosen.title}, but on {data}",
        data=data,
        published=chosen.published if as_published else {},
        published_data="",
        profiles={key: replace(size, data="") for key, size in chosen.profiles.items()},
    )
