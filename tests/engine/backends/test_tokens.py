import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from sentimo.engine.backends.tokens import TokenReader
from sentimo.errors import InputError

PAD, UNKNOWN, START, END, A, B = range(6)


def reader(max_tokens=6, **settings):
    """Reads "a" and "b" between one special token on each side; four tokens fit beside them."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": UNKNOWN, "a": A, "b": B}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=50)
    return TokenReader(tokenizer, max_tokens=max_tokens, prefix=[START], suffix=[END], pad_id=PAD, **settings)


def prepared(text, **settings):
    (found,) = reader(**settings).prepare([text])
    return found


def test_a_short_text_is_one_window_between_special_tokens():
    found = prepared(" a b ? ")

    assert (found.n_tokens, found.coverage) == (3, 1.0)
    (window,) = found.windows
    assert window.features == [START, A, B, UNKNOWN, END]
    assert (window.start, window.end, window.weight, window.length) == (0, 7, 3, 5)


def test_truncation_and_padding_of_the_tokenizer_are_switched_off():
    assert prepared("a a a a").windows[0].features == [START, A, A, A, A, END]


def test_a_long_text_is_cut_into_overlapping_windows_with_their_places():
    found = prepared("a a a a b b")

    # Four tokens a window, moving on by three: [0, 4) and [3, 6); token k stands at character 2k.
    assert [window.features for window in found.windows] == [[START, A, A, A, A, END], [START, A, B, B, END]]
    assert [(window.start, window.end) for window in found.windows] == [(0, 7), (6, 11)]
    assert [window.weight for window in found.windows] == [4, 2]
    assert (found.n_tokens, found.coverage) == (6, 1.0)


def test_sentencepiece_tokens_that_say_nothing_do_not_cover_a_text():
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁", -1.0), ("a", -2.0)], unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    read = TokenReader(tokenizer, max_tokens=6, prefix=[], suffix=[], pad_id=1).prepare(["好 好", "好 a"])

    assert [each.coverage for each in read] == [0.0, 1.0]


def test_places_count_characters_not_bytes():
    found = prepared("好 好 😀 好 a b")

    assert [(window.start, window.end) for window in found.windows] == [(0, 7), (6, 11)]


def test_no_more_than_max_windows_are_read():
    found = prepared("a " * 8, max_windows=1)

    assert len(found.windows) == 1
    assert (found.n_tokens, found.coverage) == (8, 0.5)


@pytest.mark.parametrize("text", ["", "  \n "])
def test_a_text_without_tokens_has_no_window(text):
    found = prepared(text)

    assert (found.windows, found.n_tokens, found.coverage) == ((), 0, 1.0)


@pytest.mark.parametrize(("text", "coverage"), [("?", 0.0), ("? " * 9, 0.0), ("? a", 1.0)])
def test_a_text_of_unknown_tokens_alone_is_read_but_not_covered(text, coverage):
    found = prepared(text)

    assert len(found.windows) >= 1
    assert found.coverage == coverage


def test_texts_keep_their_order():
    assert [each.n_tokens for each in reader().prepare(["a", "", "a b b", "b b"])] == [1, 0, 3, 2]


def test_short_rows_are_padded_and_the_mask_hides_it():
    ids, mask = reader().pad([[START, A, END], [START, A, B, B, END]])

    assert ids.tolist() == [[START, A, END, PAD, PAD], [START, A, B, B, END]]
    assert mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert (ids.dtype, mask.dtype) == ("int64", "int64")


def test_every_token_has_a_place_and_special_ones_have_none():
    ((ids, places),) = reader().places("a 好")

    assert ids == [START, A, UNKNOWN, END]
    assert places == [None, (0, 1), (2, 3), None]


def test_a_window_without_room_for_a_text_is_refused():
    reader(max_tokens=3)
    with pytest.raises(InputError, match="max_tokens is 2: 2 special tokens leave no room"):
        reader(max_tokens=2)
