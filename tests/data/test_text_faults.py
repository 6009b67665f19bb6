import pytest

from sentimo.data.diagnosis import Sample
from sentimo.data.text_faults import find_broken_text


def codes(text):
    return [finding.code for finding in find_broken_text([Sample("train", "a.csv", 1, text, "x")])]


@pytest.mark.parametrize("text", ["café", "你好", "it’s fine", "好的！", "ß", "привет", "naïve"])
@pytest.mark.parametrize("wrong", ["latin-1", "cp1252"])
def test_utf8_read_as_another_encoding_is_mojibake(text, wrong):
    broken = text.encode().decode(wrong, "ignore")

    assert codes(broken) == ["mojibake"]


@pytest.mark.parametrize("text", ["nan", " NaN", "None", "null\n", "<NA>"])
def test_what_programs_write_for_a_missing_text_is_told(text):
    assert codes(text) == ["missing-value"]
    assert codes(f"{text} of it") == []


@pytest.mark.parametrize("text", ["锟斤拷", "it鈥檚 fine"])
def test_utf8_read_as_gbk_is_mojibake(text):
    assert codes(text) == ["mojibake"]


@pytest.mark.parametrize(
    "text",
    [
        "Un café à Âge, “très” bien…",
        "São Paulo é “ótimo”",
        "Über die Größe: 5 €",
        "привет, как дела?",
        "价格：￥99；好评！",
        "I ♥ it 😀👍🏽",
        "2 < 3 & 5 > 4",
        "R&D; <3 <b",
    ],
)
def test_sound_texts_have_no_faults(text):
    assert codes(text) == []


@pytest.mark.parametrize(
    "text", ["a<br>b", "<p class='x'>a", "</div>", "Tom &amp; Jerry", "it&#39;s", "&#x2019;", "<A HREF='x'>a</A>"]
)
def test_tags_and_entities_are_markup(text):
    assert codes(text) == ["markup"]


def test_an_example_begins_shortly_before_the_fault():
    (finding,) = find_broken_text([Sample("train", "a.csv", 7, "word " * 100 + "here &nbsp; it is", "x")])

    assert finding.examples == ("a.csv, row 7: …word word here &nbsp; it is",)
