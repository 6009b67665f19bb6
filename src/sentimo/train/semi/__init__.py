"""Semi-supervised learning: texts without labels help where labels are few. A new method is one file and one line here.

A method is a `sentimo.train.semi.method.SemiMethod`, built from its settings in the recipe.
"""

from __future__ import annotations

from collections.abc import Mapping

SEMI: Mapping[str, str] = {
    "pseudo": "sentimo.train.semi.pseudo:Pseudo",
    "uda": "sentimo.train.semi.uda:UDA",
    "fixmatch": "sentimo.train.semi.fixmatch:FixMatch",
}
