"""Assignment 1: classic mistakes, each with the one test that fails and what it says."""

PLANTS = [
    (
        "output padding at both ends",
        "transposed_size",
        """
def transposed_size(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    reach = dilation * (kernel - 1) + 1
    return stride * (n - 1) + reach - 2 * padding + 2 * output_padding
""",
        "size_values",
        "cells, not",
    ),
    (
        "dilation forgotten on the way back",
        "inverting_output_padding",
        """
def inverting_output_padding(n, kernel, stride, padding, dilation=1):
    return (n + 2 * padding - kernel) % stride
""",
        "inverse_dilation",
        "dilation",
    ),
    (
        "a matrix without padding",
        "conv_matrix",
        """
def conv_matrix(weight, height, width, stride=1, padding=0):
    k, l = weight.shape
    rows, columns = (height - k) // stride + 1, (width - l) // stride + 1
    matrix = weight.new_zeros(rows, columns, height, width)
    for i in range(rows):
        for j in range(columns):
            matrix[i, j, stride * i : stride * i + k, stride * j : stride * j + l] = weight
    return matrix.view(rows * columns, -1)
""",
        "matrix_padding",
        "with padding",
    ),
    (
        "paint overwrites instead of adding up",
        "scatter",
        """
def scatter(x, weight, stride=1, padding=0, output_padding=0):
    _, height, width = x.shape
    _, c_out, k, l = weight.shape
    canvas = x.new_zeros(
        c_out,
        stride * (height - 1) + k + output_padding,
        stride * (width - 1) + l + output_padding,
    )
    for i in range(height):
        for j in range(width):
            paint = torch.einsum("c,cdkl->dkl", x[:, i, j], weight)
            canvas[:, stride * i : stride * i + k, stride * j : stride * j + l] = paint
    return canvas[:, padding : canvas.shape[1] - padding, padding : canvas.shape[2] - padding]
""",
        "scatter_values",
        "instead of",
    ),
    (
        "padding cut off before the output padding is added",
        "scatter",
        """
def scatter(x, weight, stride=1, padding=0, output_padding=0):
    _, height, width = x.shape
    _, c_out, k, l = weight.shape
    canvas = x.new_zeros(c_out, stride * (height - 1) + k, stride * (width - 1) + l)
    for i in range(height):
        for j in range(width):
            paint = torch.einsum("c,cdkl->dkl", x[:, i, j], weight)
            canvas[:, stride * i : stride * i + k, stride * j : stride * j + l] += paint
    canvas = canvas[:, padding : canvas.shape[1] - padding, padding : canvas.shape[2] - padding]
    return F.pad(canvas, [0, output_padding, 0, output_padding])
""",
        "scatter_borders",
        "keeps the wrong cells",
    ),
    (
        "kernel not turned around",
        "by_zero_insertion",
        """
def by_zero_insertion(x, weight, stride=1, padding=0, output_padding=0, dilation=1):
    b, c, h, w = x.shape
    spread = x.new_zeros(b, c, stride * (h - 1) + 1, stride * (w - 1) + 1)
    spread[:, :, ::stride, ::stride] = x
    above, left = (dilation * (size - 1) - padding for size in weight.shape[2:])
    spread = F.pad(spread, [left, left + output_padding, above, above + output_padding])
    return F.conv2d(spread, weight.transpose(0, 1), dilation=dilation)
""",
        "insertion_values",
        "right size, wrong numbers",
    ),
    (
        "rows that were never read get no gradient",
        "input_gradient",
        """
def input_gradient(arriving, weight, size, stride=1, padding=0):
    return F.conv_transpose2d(arriving, weight, None, stride, padding)
""",
        "gradient_sizes",
        "the gradient has",
    ),
    (
        "a transposed convolution in the enlarger",
        "enlarger",
        """
class Enlarger(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.look = nn.Conv2d(1, hidden, 3, padding=1)
        self.draw = nn.ConvTranspose2d(hidden, 1, 4, stride=2, padding=1)

    def forward(self, images):
        return self.draw(self.look(images).relu())
""",
        "enlarger_even",
        "draws a checkerboard",
    ),
]
