"""Prediction without torch: bundles in, calibrated answers out."""
