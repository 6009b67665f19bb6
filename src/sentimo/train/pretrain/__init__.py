"""Pre-training of small encoders on plain text. Nothing here needs more than torch, numpy and tokenizers."""
