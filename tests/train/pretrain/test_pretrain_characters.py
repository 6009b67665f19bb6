from __future__ import annotations

import random

from tokenizers import Tokenizer, normalizers

from sentimo.train.pretrain.characters import compiled, read_as


def replaced(strings, text):
    return normalizers.Precompiled(compiled(strings)).normalize_str(text)


def test_every_string_is_replaced_and_nothing_else():
    draw = random.Random(13)
    signs = [chr(code) for code in draw.sample(range(0x4E00, 0xA000), 1200)]
    olds, rest = signs[:600], signs[600:]
    new = {old: draw.choice("东西南北ab😀") * draw.randint(1, 3) for old in olds}
    text = "".join(draw.choice([*signs, "a", "é", "😀"]) for _ in range(3000))

    assert replaced(new, text) == "".join(new.get(sign, sign) for sign in text)
    assert replaced(new, "".join(rest)) == "".join(rest)


def test_strings_of_one_to_four_bytes():
    assert replaced({"x": "1", "é": "2", "這": "这", "😀": ""}, "xé這😀x這") == "12这1这"


def test_a_tokenizer_reads_characters_as_others_and_keeps_their_places(vocabulary, tmp_path):
    known = Tokenizer.from_str(vocabulary.to_str())

    read_as(known, {"務": "务", "間": "间", "麵": "面"})  # 面 has no token here
    known.save(str(tmp_path / "tokenizer.json"))
    known = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))

    text = "ＯＫ 服務間麵"
    encoding = known.encode(text, add_special_tokens=False)
    assert encoding.ids == known.encode("ok 服务间麵", add_special_tokens=False).ids
    assert [encoding.tokens[at] for at in (-5, -4)] == ["务", "间"]
    assert [text[slice(*encoding.offsets[at])] for at in (-5, -4)] == ["務", "間"]
    assert known.encode("这家酒店真好").ids == vocabulary.encode("这家酒店真好").ids
