import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from sentimo.data.lengths import rough_lengths, summarise_lengths, tokenizer_lengths
from sentimo.errors import InputError


@pytest.fixture
def base(tmp_path):
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "good": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    tokenizer.enable_truncation(4)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return str(tmp_path)


@pytest.mark.parametrize(
    ("text", "n_tokens"),
    [("", 0), ("don't stop", 3), ("物流太慢", 4), ("买了iPhone 15手机", 6), ("...", 0), ("\ud800 x", 1)],
)
def test_the_rough_count_is_words_and_han_characters(text, n_tokens):
    assert rough_lengths([text]) == [n_tokens]


def test_a_tokenizer_counts_special_tokens_and_does_not_cut(base):
    assert tokenizer_lengths(base)(["good", "good bad ugly fine", ""]) == [3, 6, 2]


def test_a_tokenizer_counts_half_characters_too(base):
    assert tokenizer_lengths(base)(["good \ud83d"]) == [4]


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no tokenizer\.json there"):
        tokenizer_lengths(str(tmp_path))


def test_a_damaged_tokenizer_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")

    with pytest.raises(InputError, match="not a tokenizer"):
        tokenizer_lengths(str(tmp_path))


def test_lengths_are_summarised_by_their_quantiles():
    lengths = summarise_lengths(list(range(1, 101)), 95, exact=True)

    # of 1..100: the median lies at 50.5, 95 % at 95.05, and 5 of 100 are over 95
    assert (lengths.median, lengths.p95, lengths.longest, lengths.over) == (50, 95, 100, 0.05)


def test_no_texts_have_no_lengths():
    assert summarise_lengths([], 128, exact=False) is None
