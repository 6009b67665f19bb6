"""Rules of the user at prediction time: read, checked, applied."""

from __future__ import annotations

from sentimo.engine.overrides.overrides import NEUTRAL, SHARPNESS, Overrides, overrides_of
from sentimo.engine.overrides.rule import CERTAINTY, Override, Prior

__all__ = ["CERTAINTY", "NEUTRAL", "SHARPNESS", "Override", "Overrides", "Prior", "overrides_of"]
