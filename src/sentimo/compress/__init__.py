"""Smaller models from trained ones: bundles in, bundles out (extra "train")."""
