"""What is measured about a trained network."""
