import pytest

from sentimo.text.printable import on_one_line, printable


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("好 good 😀\t\n", "好 good 😀\t\n"),
        ("\x1b[31m\x07\x00", "␛[31m␇␀"),
        ("a\x7f\x9bb", "a��b"),
        ("\u202egood\u2069\u2028", "�good��"),
        ("half \ud83d", "half �"),
    ],
)
def test_what_would_steer_a_terminal_is_shown_as_a_sign(text, seen):
    assert printable(text) == seen
    printable(text).encode()


def test_on_one_line_whitespace_is_one_blank():
    assert on_one_line(" a\n\n b\u2028c\x1b ") == "a b c␛"
