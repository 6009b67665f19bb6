"""Write the built-in lexicon model anew, after its words or rules changed: python benchmarks/build_lexicon.py."""

from sentimo.engine.analyzer import BUILT_IN, LEXICON
from sentimo.engine.backends.lexicon import untrained_model, write_lexicon_bundle
from sentimo.text.lexicon import built_in_lexicon

if __name__ == "__main__":
    model, specs = untrained_model(built_in_lexicon())
    about = {"words": "written for Sentimo", "training": "none"}
    bundle = write_lexicon_bundle(BUILT_IN / LEXICON, model, specs, provenance=about, overwrite=True)
    print(f"{bundle.path}: {len(model.lexicon):,} words, digest {bundle.digest[:12]}")
