import json

import pytest

from sentimo.engine.predictor import Predictor
from sentimo.engine.windows import spans
from sentimo.engine.work import Work
from sentimo.errors import BundleError
from sentimo.evaluate.speed import bench as benching
from sentimo.evaluate.speed import peak
from sentimo.evaluate.speed.bench import Bench, Measured, same_labels
from sentimo.evaluate.speed.rounds import Lap
from sentimo.evaluate.speed.texts import written_texts

TEXTS = written_texts("en", 40)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Small products, few rounds, and no fresh processes, which take seconds."""
    monkeypatch.setattr(peak, "SHAPES", ((64, 64, 64),))
    monkeypatch.setattr(benching, "N_ROUNDS", 2)
    monkeypatch.setattr(Bench, "_start_fresh", lambda self: None)


class Slow:
    """A rival that says what it was asked."""

    has_weights = True

    def __init__(self):
        self.sizes = []

    def answer(self, texts, batch_size=1):
        self.sizes.append(batch_size)
        return ["positive"] * len(texts)

    def fresh_command(self, text):
        return ["false"]


def test_everything_is_measured_and_fits_in_json(trained):
    rival = Slow()
    bench = Bench(trained.bundle.path, TEXTS, seconds=1.0, open_rival=lambda bundle: rival)

    bench.run()
    found = json.loads(json.dumps(bench.to_dict()))

    ours, default, best = found["contenders"]
    assert found["finished"]
    assert found["notes"] == []
    assert (ours["name"], default["name"]) == ("sentimo, onnx", "pipeline")
    assert best["name"] in {f"pipeline, batch {size}" for size in benching.RIVAL_BATCHES}
    assert set(rival.sizes) == {1, *benching.RIVAL_BATCHES}
    assert ours["texts_per_second"]["low"] <= ours["texts_per_second"]["median"] <= ours["texts_per_second"]["high"]
    assert ours["sentimo_times_faster"] is None
    assert default["sentimo_times_faster"]["median"] > 0
    assert ours["peak_share"]["fp32"]["median"] > 0
    assert 0 <= ours["work"]["padding"] < 1
    assert ours["latency"]["n_texts"] == default["latency"]["n_texts"] > 0
    assert best["latency"] is None
    assert set(ours["agreement"]) == {"polarity", "emotions", "stars"}  # intensity is a score: it has no labels
    assert min(ours["agreement"].values()) > 0.99  # the graph is the network
    assert found["model"]["digest"] == trained.bundle.digest


def test_padding_is_one_minus_tokens_by_slots():
    # three texts of 4, 2 and 2 tokens in one batch: 3 * 4 slots for 8 tokens
    ours = Measured("ours", work=Work(n_texts=3, n_tokens=8, n_slots=12, n_duplicates=0, n_rerun=1))

    assert ours.to_dict(ours)["work"] == {
        "padding": pytest.approx(1 / 3),
        "repeated": 0,
        "asked_again": pytest.approx(1 / 3),
        "cheap": 0,
    }


def test_rates_are_by_hand():
    ours = Measured("ours", laps=[Lap(10, 200, 2.0, 4.0), Lap(10, 200, 4.0, 4.0), Lap(10, 200, 1.0, 2.0)])
    theirs = Measured("theirs", laps=[Lap(5, 100, 10.0, 20.0)] * 3)

    found, beside = ours.to_dict(ours), theirs.to_dict(ours)

    assert found["texts_per_second"] == {"median": 5.0, "low": 2.5, "high": 10.0}
    assert found["tokens_per_second"] == {"median": 100.0, "low": 50.0, "high": 200.0}
    assert found["texts_per_cpu_second"] == {"median": 2.5, "low": 2.5, "high": 5.0}
    assert beside["sentimo_times_faster"] == {"median": 10.0, "low": 5.0, "high": 20.0}


def test_copies_are_no_work_and_the_pipeline_reads_one_window(trained):
    most, specials = trained.bundle.manifest.max_tokens, 2
    long = "good " * (2 * most)
    texts = [TEXTS[0]] * 40 + [long] * 40
    bench = Bench(trained.bundle.path, texts, seconds=1.0, open_rival=lambda bundle: Slow())
    bench.run()
    found = bench.to_dict()

    ours, default = bench.measured[:2]
    short, n_long = (int(n) for n in Predictor.load(trained.bundle.path).predict([TEXTS[0], long]).tokens)
    size, n_windows = most - specials, len(list(spans(n_long, most - specials)))
    overlaps = sum(end - start for start, end, _ in spans(n_long, size)) - n_long
    # each text once, however often it was asked; the long one with special tokens in every window
    assert ours.n_run == short + specials + n_long + overlaps + n_windows * specials
    assert found["contenders"][0]["tokens_per_second"]["median"] == pytest.approx(
        ours.n_run * found["contenders"][0]["texts_per_second"]["median"] / ours.laps[0].n_texts
    )
    asked = bench._contenders[1].texts
    assert default.n_run == asked.count(TEXTS[0]) * (short + specials) + asked.count(long) * most


def test_a_profile_that_fails_costs_no_other_figure(trained, monkeypatch):
    def fail(folder, texts):
        raise AttributeError("no setter")

    monkeypatch.setattr(benching, "profile", fail)
    bench = Bench(trained.bundle.path, TEXTS, seconds=1.0)
    bench.run()
    found = bench.to_dict()

    assert found["finished"]
    assert found["contenders"][0]["texts_per_second"]["median"] > 0
    assert found["contenders"][0]["peak_share"] == {}
    assert found["notes"] == ["No share of the peak, no profile: AttributeError: no setter"]


def test_what_is_there_when_it_is_stopped_is_told(trained, monkeypatch):
    def stop(step):
        if "round 2" in step:
            raise KeyboardInterrupt

    bench = Bench(trained.bundle.path, TEXTS, seconds=1.0, on_step=stop)
    with pytest.raises(KeyboardInterrupt):
        bench.run()
    found = bench.to_dict()

    assert not found["finished"]
    assert found["contenders"][0]["texts_per_second"]["median"] > 0
    assert found["contenders"][0]["latency"] is None


def test_nothing_measured_yet_can_be_told_too(trained):
    found = Bench(trained.bundle.path, TEXTS).to_dict()

    assert (found["contenders"], found["finished"], found["texts"]["n"]) == ([], False, 0)


def test_a_rival_that_cannot_be_opened_leaves_a_note(trained):
    def refuse(bundle):
        raise BundleError("there is none")

    bench = Bench(trained.bundle.path, TEXTS, seconds=1.0, open_rival=refuse)
    bench.run()

    assert bench.notes == ["No Hugging Face pipeline beside it: there is none"]
    assert len(bench.measured) == 1


def test_labels_of_random_weights_are_not_compared(trained):
    rival = Slow()
    rival.has_weights = False

    bench = Bench(trained.bundle.path, TEXTS, seconds=1.0, open_rival=lambda bundle: rival)
    bench.run()

    assert bench.measured[0].agreement == {}
    assert "random" in bench.notes[0]


def test_the_share_of_same_labels_is_counted_per_task(trained):
    predictor = Predictor.load(trained.bundle.path)
    found, expected = predictor.predict(TEXTS[:10]), predictor.predict([*TEXTS[:9], TEXTS[9]])
    scores = expected.tasks["polarity"].scores
    scores[0] = 1 - scores[0]  # the least likely label becomes the likeliest

    assert same_labels(found, expected)["polarity"] == pytest.approx(0.9)
