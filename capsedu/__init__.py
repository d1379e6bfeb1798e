"""capsedu: capsule networks and generative models, to read, step through and train.

The package follows the book. Look for an equation in :mod:`capsedu.functional` and
:mod:`capsedu.routing`, for a module in :mod:`capsedu.layers`, for a paper's network in
:mod:`capsedu.models`. Importing this module loads nothing heavy.
"""

__version__ = "0.1.0"
