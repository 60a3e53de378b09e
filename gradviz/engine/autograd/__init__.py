"""Recording and differentiating."""
