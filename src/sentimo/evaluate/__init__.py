"""Black-box judgement of anything that predicts: figures with intervals, calibration, reports, comparisons.

numpy only. `metrics` scores one task, `report` a whole model, `compare` two models on the same rows; `calibration`
fits the temperature and the thresholds that go into a bundle.
"""
