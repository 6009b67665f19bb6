"""Strings in, strings out; no models."""
