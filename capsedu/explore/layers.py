"""What the layers of a network put out."""

from collections.abc import Callable

from torch import Tensor, nn


def print_layers(network: nn.Module, call: Callable[[], object]) -> None:
    """Print a line for each layer with weights of its own: name, shape that it puts out, weights.

    Args:
        network: its layers are listed in the order in which they are used.
        call: uses the network once.
    """

    def note(layer: nn.Module, _: object, output: Tensor) -> None:
        own = sum(part.numel() for part in layer.parameters(recurse=False))
        if own:
            print(f"{type(layer).__name__:17} {list(output.shape)!s:19} {own:>10,}")

    hooks = [layer.register_forward_hook(note) for layer in network.modules()]
    call()
    for hook in hooks:
        hook.remove()
