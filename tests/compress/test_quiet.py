from __future__ import annotations

import logging

import pytest

from sentimo.compress.quiet import quiet


@pytest.fixture(params=[logging.NOTSET, logging.INFO, logging.CRITICAL])
def level(request):
    """What the program that calls us has switched off."""
    before = logging.root.manager.disable
    logging.disable(request.param)
    yield request.param
    logging.disable(before)


def test_logging_is_afterwards_as_the_program_had_it(level):
    inside = []

    def work():
        inside.append(logging.root.manager.disable)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), quiet():
        work()

    assert inside == [max(level, logging.WARNING)]
    assert logging.root.manager.disable == level


def test_nothing_is_printed_or_warned_of(capsys):
    with quiet():
        print("a bar")
        logging.getLogger("quantizer").warning("advice")

    assert capsys.readouterr() == ("", "")
