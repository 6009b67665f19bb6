"""Augmentation in training: which rows are written anew, and which of them are kept."""
