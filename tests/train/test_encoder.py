from __future__ import annotations

import shutil
import socket

import pytest
import torch
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from transformers import AutoModel

from sentimo.errors import InputError
from sentimo.train import encoder
from sentimo.train.encoder import MINILM_HUB_ID, load_encoder, load_native, open_base


@pytest.fixture
def calls(monkeypatch):
    """What tries to reach the network; nothing gets there."""
    tried = []

    def refuse(*arguments, **settings):
        tried.append(arguments)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tried


@pytest.fixture
def copy_of(tmp_path):
    def copy(folder):
        return shutil.copytree(folder, tmp_path / "copy")

    return copy


@pytest.mark.parametrize("name", ["bert", "roberta", "gpt2"])
def test_a_folder_never_touches_the_network(name, calls, request):
    base = open_base(str(request.getfixturevalue(name)))
    load_encoder(base, dropout=None)

    assert calls == []


def test_a_folder_that_is_not_there_is_named(tmp_path, calls):
    with pytest.raises(InputError, match=r"base model '.*nowhere': there is no such folder"):
        open_base(str(tmp_path / "nowhere"))

    assert calls == []


def test_a_folder_without_a_model_is_named(tmp_path, calls):
    with pytest.raises(InputError, match=r"base model '.*' cannot be opened: .*config\.json"):
        open_base(str(tmp_path))

    assert calls == []


@pytest.mark.parametrize("content", ["{", "[]", '{"model_type": "nothing-known"}', "{}"])
def test_a_damaged_config_is_refused(bert, copy_of, content):
    folder = copy_of(bert)
    (folder / "config.json").write_text(content)

    with pytest.raises(InputError, match="cannot be opened"):
        open_base(str(folder))


@pytest.mark.parametrize("name", ["./nowhere", "~/nowhere", "models/mine/nowhere"])
def test_what_looks_like_a_folder_is_not_looked_for_on_the_hub(name, calls):
    with pytest.raises(InputError, match="there is no such folder"):
        open_base(name)

    assert calls == []


@pytest.mark.parametrize("content", ["{", "{}", ""])
def test_a_damaged_tokenizer_is_refused(bert, copy_of, content):
    folder = copy_of(bert)
    (folder / "tokenizer.json").write_text(content)

    with pytest.raises(InputError, match="base model"):
        open_base(str(folder))


def test_a_tokenizer_without_words_is_refused(bert, copy_of):
    folder = copy_of(bert)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()

    with pytest.raises(InputError, match=r"tokenizer without words; is tokenizer\.json missing"):
        open_base(str(folder))


def test_weights_of_another_architecture_are_refused(bert, copy_of):
    folder = copy_of(bert)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"model_type": "bert"', '"model_type": "distilbert"'))

    with pytest.raises(InputError, match=r"are not those of a distilbert: .* are missing"):
        load_encoder(open_base(str(folder)), dropout=None)


@pytest.mark.parametrize("content", [b"", b"not weights", b"\xff" * 64], ids=["empty", "text", "bytes"])
def test_damaged_weights_are_refused(bert, copy_of, content):
    folder = copy_of(bert)
    (folder / "model.safetensors").write_bytes(content)

    with pytest.raises(InputError, match=r"weights of base model .* cannot be loaded"):
        load_encoder(open_base(str(folder)), dropout=None)


def test_missing_weights_are_refused(bert, copy_of, calls):
    folder = copy_of(bert)
    (folder / "model.safetensors").unlink()

    with pytest.raises(InputError, match=r"weights of base model .* cannot be loaded"):
        load_encoder(open_base(str(folder)), dropout=None)
    assert calls == []


def test_code_that_comes_with_a_model_is_refused(bert, copy_of):
    folder = copy_of(bert)
    (folder / "config.json").write_text(
        '{"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModel": "mine.Model"}}'
    )
    (folder / "mine.py").write_text("raise SystemExit('code of a model was run')")

    with pytest.raises(InputError, match="cannot be opened"):
        open_base(str(folder))


def test_special_tokens_are_seen_from_the_tokenizer(bert_base, roberta_base, gpt2_base):
    assert (bert_base.prefix, bert_base.suffix) == ((2,), (3,))
    assert (roberta_base.prefix, roberta_base.suffix) == ((0,), (2,))
    assert (gpt2_base.prefix, gpt2_base.suffix) == ((), ())


def test_texts_are_encoded_as_the_tokenizer_does_it(bert_base, roberta_base):
    text = "the film was not good, so slow"

    for base in (bert_base, roberta_base):
        assert base.encode([text], 64) == [base.tokenizer(text)["input_ids"]]


def test_a_cut_text_keeps_its_special_tokens(bert_base):
    ids = bert_base.encode(["good " * 100], 8)[0]

    assert len(ids) == 8
    assert (ids[0], ids[-1]) == (2, 3)


@pytest.mark.parametrize("text", ["", "   ", "😀", "物流太慢了，差评！", "a\x00b", "\u202eabc"])
def test_any_text_has_a_token(text, bert_base, roberta_base, gpt2_base):
    assert all(base.encode([text], 32)[0] for base in (bert_base, roberta_base, gpt2_base))


def test_a_decoder_is_told_from_an_encoder(bert_base, roberta_base, gpt2_base):
    assert [base.is_decoder for base in (bert_base, roberta_base, gpt2_base)] == [False, False, True]
    assert [base.has_native_head for base in (bert_base, roberta_base, gpt2_base)] == [True, True, False]


def test_a_decoder_without_a_padding_token_pads_with_its_last_one(gpt2_base):
    assert gpt2_base.pad_id == 256


def test_the_encoder_tells_its_width(bert_base, gpt2_base):
    assert (bert_base.width, gpt2_base.width) == (32, 32)


def test_no_more_tokens_are_read_than_the_encoder_has_positions_for(bert_base, roberta_base):
    assert bert_base.most_tokens(16) == 16
    assert bert_base.most_tokens(1000) == 64
    assert roberta_base.most_tokens(1000) == 32  # 34 positions, counted from pad id + 1 = 2


@pytest.mark.parametrize("name", ["bert_base", "roberta_base", "gpt2_base"])
def test_the_longest_text_still_fits(name, request):
    base = request.getfixturevalue(name)
    ids = torch.tensor(base.encode(["good " * 100], base.most_tokens(1000)))

    hidden = load_encoder(base, dropout=None)(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state

    assert hidden.shape == (1, base.most_tokens(1000), 32)


def test_dropout_replaces_every_dropout_of_the_encoder(bert_base, gpt2_base):
    for base in (bert_base, gpt2_base):
        rates = {each.p for each in load_encoder(base, dropout=0.37).modules() if isinstance(each, torch.nn.Dropout)}
        assert rates == {0.37}


def test_labels_are_written_into_the_native_head(bert_base):
    config = load_native(bert_base, ["bad", "good"], dropout=None).config

    assert (config.num_labels, config.id2label, config.label2id) == (2, {0: "bad", 1: "good"}, {"bad": 0, "good": 1})


def test_weights_saved_in_half_precision_learn_in_full(bert, copy_of):
    folder = copy_of(bert)
    load_encoder(open_base(str(folder)), dropout=None).bfloat16().save_pretrained(folder)

    assert {each.dtype for each in load_encoder(open_base(str(folder)), dropout=None).parameters()} == {torch.float32}


@pytest.mark.parametrize("kind", ["camembert", "data2vec-text", "ibert", "longformer", "luke", "mpnet", "xlm-roberta"])
def test_the_longest_text_fits_all_that_count_positions_as_roberta_does(kind, roberta, copy_of):
    folder = copy_of(roberta)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"model_type": "roberta"', f'"model_type": "{kind}"'))
    base = open_base(str(folder))
    base.config.update({"attention_window": [16, 16]} if kind == "longformer" else {})
    base.config.update({"entity_vocab_size": 10, "entity_emb_size": 8} if kind == "luke" else {})
    n_tokens = base.most_tokens(1000)

    model = AutoModel.from_config(base.config)
    hidden = model(input_ids=torch.full((1, n_tokens), 5), attention_mask=torch.ones(1, n_tokens)).last_hidden_state

    assert (n_tokens, hidden.shape) == (32, (1, 32, 32))


@pytest.mark.parametrize(
    ("error", "source", "pooling"),
    [
        (LocalEntryNotFoundError("no network"), MINILM_HUB_ID, "mean"),
        (LocalEntryNotFoundError("no network"), "owner/bert", None),
        (EntryNotFoundError("the model has no such file"), MINILM_HUB_ID, None),
    ],
)
def test_without_network_the_pooling_of_minilm_is_known_by_heart(monkeypatch, error, source, pooling):
    def download(*names):
        raise error

    monkeypatch.setattr(encoder, "hf_hub_download", download)

    assert encoder._own_pooling(source) == pooling


def test_a_hub_that_fails_is_told_and_not_taken_for_an_answer(monkeypatch):
    def download(*names):
        raise ConnectionResetError("connection reset")

    monkeypatch.setattr(encoder, "hf_hub_download", download)

    with pytest.raises(InputError, match="1_Pooling/config.json cannot be had: connection reset"):
        encoder._own_pooling("owner/bert")


def test_a_damaged_pooling_file_is_told(tmp_path):
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text("{", "utf-8")

    with pytest.raises(InputError, match="is damaged"):
        encoder._own_pooling(str(tmp_path))


def test_the_chinese_base_knows_what_goes_together(calls):
    base = open_base("zh-small")
    encoder = load_encoder(base, dropout=0.0).eval()
    texts = ["房间很干净，服务热情", "客房整洁，员工友好", "疫情期间口罩不够用", "医院缺少防护物资"]

    with torch.no_grad():
        means = torch.stack(
            [encoder(torch.tensor([ids])).last_hidden_state[0].mean(0) for ids in base.encode(texts, 64)]
        )
    same = torch.nn.functional.cosine_similarity(means[:, None], means[None], dim=-1)

    assert same[0, 1] > max(same[0, 2], same[0, 3])
    assert same[2, 3] > max(same[0, 2], same[0, 3])
    assert calls == []
