"""Files to examples and back."""
