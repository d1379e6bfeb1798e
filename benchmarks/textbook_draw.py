"""DRAW as tutorials write it: one equation after the other, autograd does the rest.

It is clear, and it is what the package's fast version is compared with. Both filter matrices are
made one after the other and normalised by their sums; image and error image are read one after
the other; both networks are torch's LSTM cells.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capsedu.models.draw import Draw

NEXT_TO_NOTHING = 1e-8  # what tutorials add to a sum before they divide by it


def filters(centre: Tensor, stride: Tensor, variance: Tensor, cells: int, size: int) -> Tensor:
    """Equations 19 and 25 of Gregor et al. (2015), for one axis.

    Args:
        centre: of the grid, in pixels counted from 0, ``[b]``.
        stride: ``[b]``.
        variance: ``[b]``.
        cells: filters along the axis.
        size: pixels along the axis.

    Returns:
        ``[b, cells, size]``.
    """
    i = torch.arange(1, cells + 1)
    means = centre.view(-1, 1) + (i - cells / 2 - 0.5) * stride.view(-1, 1)
    a = torch.arange(size).view(1, 1, -1)
    bank = torch.exp(-((a - means.unsqueeze(2)) ** 2) / (2 * variance.view(-1, 1, 1)))
    return bank / (bank.sum(dim=2, keepdim=True) + NEXT_TO_NOTHING)


def both_filters(parameters: Tensor, cells: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Equations 21 to 24: the filters along x, those along y, and the intensity ``[b, 1, 1]``."""
    gx, gy, log_variance, log_stride, log_intensity = parameters.split(1, dim=1)
    gx = (size + 1) / 2 * (gx + 1) - 1
    gy = (size + 1) / 2 * (gy + 1) - 1
    stride = (size - 1) / (cells - 1) * torch.exp(log_stride)
    variance = torch.exp(log_variance)
    return (
        filters(gx, stride, variance, cells, size),
        filters(gy, stride, variance, cells, size),
        torch.exp(log_intensity).unsqueeze(2),
    )


class TextbookDraw(nn.Module):
    """A network that computes the same bound as ``draw``.

    Args:
        draw: with windows, for images of one channel.
    """

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self.size = draw.image_shape[1]
        self.step_count = draw.step_count
        self.cells = draw.read.cells, draw.write.cells
        self.read_parameters = _copy(draw.read.window)
        weight, bias = draw.write.window_and_patch.weight, draw.write.window_and_patch.bias
        self.write_parameters = _linear(weight[:5], bias[:5])
        self.patch = _linear(weight[5:], bias[5:])
        self.encoder, self.decoder = _lstm(draw.encoder), _lstm(draw.decoder)
        mean, log_deviation = draw.posterior.weight.chunk(2)
        mean_bias, log_deviation_bias = draw.posterior.bias.chunk(2)
        self.mean = _linear(mean, mean_bias)
        self.log_deviation = _linear(log_deviation, log_deviation_bias)
        firsts = torch.cat([draw.encoder.first, draw.decoder.first]).detach()
        self.first = nn.ParameterList(nn.Parameter(row.clone()) for row in firsts)
        self.canvas = nn.Parameter(draw.canvas.detach().clone()[0])

    def forward(self, images: Tensor, noise: Tensor) -> Tensor:
        """The bound in nats, averaged over ``images`` ``[b, 1, h, w]``; noise ``[b, t, z]``."""
        x = images.squeeze(1)
        h_enc, c_enc, h_dec, c_dec = (row.expand(len(x), -1) for row in self.first)
        canvas = self.canvas.expand_as(x)
        latent_loss = 0
        for t in range(self.step_count):
            error = x - torch.sigmoid(canvas)
            fx, fy, intensity = both_filters(self.read_parameters(h_dec), self.cells[0], self.size)
            seen = intensity * (fy @ x @ fx.transpose(1, 2))
            missing = intensity * (fy @ error @ fx.transpose(1, 2))
            glimpse = torch.cat([seen.flatten(1), missing.flatten(1)], dim=1)
            h_enc, c_enc = self.encoder(torch.cat([glimpse, h_dec], dim=1), (h_enc, c_enc))
            mean, log_deviation = self.mean(h_enc), self.log_deviation(h_enc)
            deviation = torch.exp(log_deviation)
            z = mean + deviation * noise[:, t]
            kl = 0.5 * torch.sum(mean**2 + deviation**2 - 2 * log_deviation - 1, dim=1)
            latent_loss = latent_loss + kl
            h_dec, c_dec = self.decoder(z, (h_dec, c_dec))
            fx, fy, intensity = both_filters(self.write_parameters(h_dec), self.cells[1], self.size)
            patch = self.patch(h_dec).view(-1, self.cells[1], self.cells[1])
            canvas = canvas + (fy.transpose(1, 2) @ patch @ fx) / intensity
        reconstruction = F.binary_cross_entropy(torch.sigmoid(canvas), x, reduction="none")
        return (reconstruction.sum(dim=(1, 2)) + latent_loss).mean()


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data.copy_(weight)
    layer.bias.data.copy_(bias)
    return layer.to(weight.dtype)


def _copy(layer: nn.Linear) -> nn.Linear:
    return _linear(layer.weight, layer.bias)


def _lstm(cell: nn.Module) -> nn.LSTMCell:
    """torch's cell with the weights of ours, whose candidate comes last and not third."""
    enter, forget, leave, candidate = cell.gates.weight.chunk(4)
    weight = torch.cat([enter, forget, candidate, leave])
    enter, forget, leave, candidate = cell.gates.bias.chunk(4)
    bias = torch.cat([enter, forget, candidate, leave])
    copy = nn.LSTMCell(weight.shape[1] - cell.hidden, cell.hidden, dtype=weight.dtype)
    copy.weight_ih.data.copy_(weight[:, : -cell.hidden])
    copy.weight_hh.data.copy_(weight[:, -cell.hidden :])
    copy.bias_ih.data.copy_(bias)
    copy.bias_hh.data.zero_()
    return copy
