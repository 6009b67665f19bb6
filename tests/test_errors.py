"""The tree drawn in errors.py is the tree there is."""

from __future__ import annotations

import re
from pathlib import Path

from sentimo import errors


def test_every_error_is_drawn_in_the_tree():
    source = Path(errors.__file__).parent
    classes = [
        each
        for path in source.rglob("*.py")
        for each in re.findall(r"^class (\w+)\((\w+)\)", path.read_text("utf-8"), re.M)
    ]
    made = {"SentimoError"}
    while new := {name for name, base in classes if base in made} - made:
        made |= new

    assert set(re.findall(r"^[│├└─ ]*(\w+)(?:$|  )", errors.__doc__, re.M)) == made
