"""The workshop: fine-tune encoders on your own labels and write bundles. torch begins here (extra "train")."""
