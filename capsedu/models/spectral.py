"""Spectral normalisation: Miyato, Kataoka, Koyama & Yoshida (2018)."""

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from capsedu.layers import DenseCapsules


def spectrally_normalised(discriminator: nn.Module) -> nn.Module:
    """Divide every layer's weights by their largest singular value, from now on.

    A convolution's kernel is taken as a matrix with one row per output channel, and capsules'
    weights as one with one row per component of a parent: with one parent that is the whole
    map from the children to its total input. A decoder judges no image and stays as it is.

    Returns:
        The same network.

    Source: Miyato et al., *Spectral Normalization for Generative Adversarial Networks* (2018),
    section 2.1.
    """
    decoder = getattr(discriminator, "decoder", None)
    drawing = set(decoder.modules()) if decoder is not None else set()
    for layer in list(discriminator.modules()):
        if layer in drawing:
            continue
        if isinstance(layer, nn.Conv2d | nn.Linear):
            spectral_norm(layer)
        elif isinstance(layer, DenseCapsules):
            spectral_norm(layer, dim=3)
    return discriminator
