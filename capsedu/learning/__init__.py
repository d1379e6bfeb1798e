"""Lightning modules, and the objectives that plug into them."""
