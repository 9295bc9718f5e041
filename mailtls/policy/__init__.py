"""Judging observations. No clock, no wire: readings in, a verdict and its findings out."""
