import json
from io import StringIO

import pytest
import running
from rich.console import Console

from sentimo.cli.doctor import doctor, print_diagnosis
from sentimo.data.diagnosis import Diagnosis, Finding, LabelCount, Lengths
from sentimo.errors import BundleError, InputError

NOUNS = ("bag", "soup", "hotel room", "phone screen")
REVIEWS = [
    *((f"{word} {noun}", 2) for word in ("lovely", "brilliant", "first-rate") for noun in NOUNS),
    *((f"{word} {noun}", 1) for word in ("broken", "awful", "worthless") for noun in NOUNS),
]


@pytest.fixture
def reviews(tmp_path):
    def write(rows, name="reviews.csv"):
        path = tmp_path / name
        path.write_text("\n".join(["review;stars", *(f"{text};{stars}" for text, stars in rows)]), encoding="utf-8")
        return path

    return write


def invoke(*arguments):
    return running.invoke(doctor, *arguments, columns=140)


def test_files_fit_to_train_on_exit_with_0(reviews):
    result = invoke(reviews(REVIEWS), "--text", "review", "--label", "stars")

    assert result.exit_code == 0
    assert "24 rows" in result.stdout
    assert "Ready to train." in result.stdout
    assert result.stderr == ""


def test_files_that_training_would_refuse_exit_with_1(reviews):
    result = invoke(reviews(REVIEWS[:12]), "--text", "review", "--label", "stars")

    assert result.exit_code == 1
    assert "✗ Training would fail: 1 error." in result.stdout


def test_guessed_columns_are_named_on_stderr(reviews):
    result = invoke(reviews(REVIEWS))

    assert "Reading texts from column 'review', labels from 'stars'" in result.stderr
    assert result.exit_code == 0


def test_a_file_without_a_label_column_is_refused(tmp_path):
    (tmp_path / "texts.txt").write_text("good\nbad\n", encoding="utf-8")

    with pytest.raises(InputError, match="no column looks like labels; name it with --label"):
        invoke(tmp_path / "texts.txt")


def test_json_is_one_line_with_the_whole_diagnosis(reviews):
    result = invoke(reviews(REVIEWS), "--json")

    diagnosis = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert (diagnosis["ok"], diagnosis["rows"], diagnosis["kind"]) == (True, {"train": 24}, "single")
    assert diagnosis["findings"][0]["message"] == "labels are the numbers 1, 2, 1-based; stored as ids 0 to 1"


def test_splits_are_examined_together(reviews):
    held_out = reviews(REVIEWS[:1], "held_out.csv")

    result = invoke(reviews(REVIEWS), "--dev", reviews([("so-so", 1)], "dev.csv"), "--test", held_out)

    assert "1 row of test (100.0%) in train" in result.stdout
    assert "reviews.csv, row 1 and held_out.csv, row 1: lovely bag" in result.stdout
    assert result.exit_code == 0


def test_a_space_is_known_by_name_or_given_as_labels(reviews):
    path = reviews(REVIEWS)

    named = json.loads(invoke(path, "--space", "polarity-2", "--json").stdout)
    listed = json.loads(invoke(path, "--space", "bad, good", "--kind", "ordinal", "--json").stdout)

    assert [row["label"] for row in named["labels"]] == ["negative", "positive"]
    assert [row["label"] for row in listed["labels"]] == ["bad", "good"]
    assert listed["kind"] == "ordinal"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--space", "polarity-4", "Did you mean 'polarity-3'"),
        ("--kind", "sinlge", "single, multi, ordinal, score"),
        ("--base", "nowhere", "no tokenizer.json there"),
        ("--text", "reviews", "Did you mean 'review'"),
    ],
)
def test_a_wrong_option_is_refused_with_a_hint(reviews, option, value, message):
    with pytest.raises(InputError, match=message):
        invoke(reviews(REVIEWS), option, value)


def test_the_help_has_an_example():
    assert "Example: sentimo doctor" in invoke("--help").stdout


# Printing

DIAGNOSIS = Diagnosis(
    rows={"train": 1200},
    usable={"train": 1198},
    languages={"en": 1100, "zh": 100},
    kind="single",
    space="mood",
    labels=(LabelCount("[b]good", {"train": 898}, {"train": 0.75}), LabelCount("bad", {"train": 300}, {"train": 0.25})),
    imbalance=898 / 300,
    lengths=Lengths(17, 60, 400, 128, 0.125, exact=False),
    findings=(Finding("warning", "empty-text", "2 rows without a text", "Fill or delete them.", ("a.csv, row [7]",)),),
)


def printed(diagnosis):
    written = StringIO()
    print_diagnosis(diagnosis, Console(file=written, width=100, soft_wrap=True, highlight=False))
    return [line.rstrip() for line in written.getvalue().splitlines()]


def test_the_overview_comes_first():
    assert printed(DIAGNOSIS)[:4] == [
        "train      1,200 rows, 2 of them not usable",
        "languages  en 1,100 (91.7%), zh 100 (8.3%)",
        "labels     2, single (mood); 3.0 rows of the most frequent for one of the rarest",
        "tokens     median 17, 95% up to 60, longest 400; 12.5% over 128 (approximate; --base counts exactly)",
    ]


def test_labels_are_shown_as_written_with_bars_to_scale():
    rows = [line for line in printed(DIAGNOSIS) if "█" in line]

    assert rows[0].startswith("│ [b]good │   898 │ 75.0% │")
    assert [row.count("█") for row in rows] == [20, 7]  # 0.25 / 0.75 of 20


def test_a_finding_has_its_mend_and_its_places_below():
    lines = printed(DIAGNOSIS)

    at = lines.index(" ! 2 rows without a text  [empty-text]")
    assert lines[at - 1] == "1 warning"
    assert lines[at + 1 :] == [
        "   → Fill or delete them.",
        "     a.csv, row [7]",
        "",
        "! Training would run, but mind 1 warning.",
    ]


def test_labels_are_judged_as_training_would_read_them(reviews):
    path = reviews([*REVIEWS, ("so so", 9)])
    options = [
        "--text",
        "review",
        "--label",
        "stars",
        "--space",
        "polarity-2",
        "--mapping",
        "1=negative,2=positive,9=so",
    ]

    assert invoke(path, *options).exit_code == 1
    skipped = invoke(path, *options, "--on-unknown", "skip")
    assert skipped.exit_code == 0
    assert "until then they are skipped" in skipped.stdout


# Without files


def test_without_files_the_engine_is_examined():
    result = invoke()

    assert result.exit_code == 0
    assert "sentimo-en" in result.stdout
    assert "onnxruntime comes with Sentimo" in result.stdout
    assert "usable cores" in result.stdout


def test_what_is_used_and_why_is_json_too(monkeypatch):
    monkeypatch.setenv("SENTIMO_BACKEND", "torch")
    monkeypatch.setenv("SENTIMO_THREADS", "3")

    found = json.loads(invoke("--json").stdout)

    assert found["machine"]["usable_cores"] >= 1
    for model in (found["models"][name] for name in ("sentimo-en", "sentimo-zh")):
        assert (model["backend"], model["reasons"]["backend"]) == ("torch", "asked for by SENTIMO_BACKEND")
        assert (model["threads"], model["reasons"]["threads"]) == (3, "set by SENTIMO_THREADS")


def test_an_n_gram_model_runs_on_numpy_whatever_is_asked_for(n_grams, monkeypatch):
    monkeypatch.setenv("SENTIMO_BACKEND", "torch")

    model = json.loads(invoke("--model", n_grams.path, "--json").stdout)["models"]["n-grams"]

    assert (model["backend"], model["threads"]) == ("linear", 1)


def test_the_model_to_look_at_may_be_named(tmp_path):
    with pytest.raises(BundleError, match="no such model folder"):
        invoke("--model", tmp_path / "nowhere")
