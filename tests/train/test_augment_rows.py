from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from toy import mood_examples
from transformers import BartConfig, BartForConditionalGeneration, BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from sentimo.core.documents import Document, Example
from sentimo.data.augment.rows import ORIGINAL
from sentimo.data.augment.words import is_negation, words_of
from sentimo.errors import InputError, RecipeError
from sentimo.train.augment.back_translation import BackTranslation
from sentimo.train.augment.mask import Mask, _places
from sentimo.train.augment.rows import augment_parts, build_augmenters
from sentimo.train.check import check_parts
from sentimo.train.encoder import open_base, quiet_transformers
from sentimo.train.learner import Learner
from sentimo.train.recipe import load_recipe, parse_augment
from sentimo.train.run import train
from sentimo.train.tasks import load_task


@pytest.fixture(scope="module")
def masked_bert(bert, tmp_path_factory):
    """Folder of the tiny BERT with a masked-language-model head; it was made to say "awful" wherever it may."""
    folder = tmp_path_factory.mktemp("masked")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(bert, mask_token="[MASK]")
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(0)
        network = BertForMaskedLM(BertConfig.from_pretrained(bert))
        network.cls.predictions.bias.data[tokenizer.convert_tokens_to_ids("awful")] = 50.0
        network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def translator(tmp_path_factory):
    """Folder of a tiny sequence-to-sequence model that was trained to swap good and bad, and warm and cold."""
    folder = tmp_path_factory.mktemp("translator")
    words = ["<s>", "<pad>", "</s>", "<unk>", "the", "film", "was", "good", "bad", "warm", "cold", "room"]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    config = BartConfig(
        vocab_size=len(words),
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=32,
        forced_eos_token_id=None,
        dropout=0.0,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
    )
    swap = {"good": "bad", "bad": "good", "warm": "cold", "cold": "warm"}
    texts = [f"the {thing} was {word}" for thing in ("film", "room") for word in swap]
    wanted = [" ".join(swap.get(word, word) for word in text.split()) for text in texts]
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(0)
        network = BartForConditionalGeneration(config)
        adam = torch.optim.Adam(network.parameters(), lr=5e-3)
        read, labels = (fast(part, return_tensors="pt", padding=True) for part in (texts, wanted))
        for _ in range(150):
            loss = network(**{k: read[k] for k in ("input_ids", "attention_mask")}, labels=labels["input_ids"]).loss
            adam.zero_grad()
            loss.backward()
            adam.step()
        assert loss < 0.05
        network.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def draws(n):
    from random import Random

    return [Random(each) for each in range(n)]


def test_the_masked_model_puts_its_words_in_their_places(masked_bert):
    method = Mask(base=str(masked_bert), top=1, share=0.2)

    first, second = method.rewrite(["The Good film", "it was not"], draws(2))

    assert first in ("Awful Good film", "The Awful film", "The Good awful")
    assert second in ("awful was not", "it awful not")


def test_the_same_draws_give_the_same_words(masked_bert):
    texts = ["the hotel was quite warm and the staff kind", "I like the music", "sad"]
    method = Mask(base=str(masked_bert), share=0.5)

    assert method.rewrite(texts, draws(3)) == method.rewrite(texts, draws(3))
    assert method.rewrite(texts, draws(3)) != texts


@pytest.mark.parametrize("text", ["I don't like it", "he can't, isn't and won't", "没有意思", "毫无意义，并非如此"])
def test_what_negates_is_no_place_for_the_masked_model(text):
    words = [word for word in words_of(text) if is_negation(word)]
    tokenizer = open_base("minilm" if text.isascii() else "zh-small").tokenizer
    read = tokenizer([text], return_offsets_mapping=True, return_tensors="pt")

    places = _places(text, read, 0).values()

    assert words
    assert not [each for each in places for word in words if each.start < word.end and word.start < each.end]


def test_a_base_without_the_head_is_refused(bert):
    with pytest.raises(InputError, match="no mask token|no head that predicts words"):
        Mask(base=str(bert)).rewrite(["good film"], draws(1))


def test_a_decoder_is_no_masked_model(gpt2):
    with pytest.raises(InputError, match="is no masked language model"):
        Mask(base=str(gpt2)).rewrite(["good film"], draws(1))


def test_a_text_goes_there_and_back(translator):
    there_alone = BackTranslation(there=str(translator), back=str(translator), beams=1)
    ways, again = (
        there_alone._translate(there_alone._models[0], [text], None, None, 1)[0]
        for text in ("the film was good", "the film was bad")
    )

    assert (ways, again) == (["the film was bad"], ["the film was good"])
    assert there_alone.rewrite(["the film was good"], draws(1)) == ["the film was good"]  # nothing new: left alone


def test_a_translation_that_is_cut_is_none(translator, monkeypatch):
    method = BackTranslation(there=str(translator), back=str(translator), beams=1)
    network = method._models[0].network
    generate = network.generate
    monkeypatch.setattr(network, "generate", lambda **how: generate(**{**how, "max_new_tokens": 3}))

    assert method._translate(method._models[0], ["the film was good"], None, None, 1) == [[""]]


def test_one_of_several_ways_back_is_drawn(translator):
    method = BackTranslation(there=str(translator), back=str(translator), beams=3)

    new = method.rewrite(["the film was good", "the room was warm", ""], draws(3))

    assert new[0] != "the film was good"
    assert new[2] == ""
    assert new == method.rewrite(["the film was good", "the room was warm", ""], draws(3))


def test_texts_in_another_language_are_not_translated(translator):
    method = BackTranslation(there=str(translator), back=str(translator), beams=3, language="zh")

    assert method.rewrite(["the film was good"], draws(1)) == ["the film was good"]


@pytest.mark.parametrize(
    ("augment", "told"),
    [
        ("synonim", "Did you mean 'synonym'?"),
        ({"methods": ["swap", "swap"]}, "named twice"),
        ({"methods": ["swap"], "copys": 2}, "unknown key 'augment.copys'. Did you mean 'copies'?"),
        ({"methods": []}, "augment.methods"),
        ({"methods": ["swap"], "certainty": 0.4}, "augment.certainty"),
    ],
)
def test_what_cannot_be_is_refused_in_words(augment, told):
    with pytest.raises(RecipeError, match=told):
        parse_augment(augment)


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ({"name": "swap", "shar": 0.1}, "augment 'swap' has no setting 'shar'. Did you mean 'share'?"),
        ({"name": "swap", "share": 2}, "augment 'swap': share is 2"),
        ("mask", "augment 'mask': give base"),
        ("back_translation", "augment 'back_translation': give there"),
    ],
)
def test_settings_of_methods_are_checked_with_the_recipe(recipe, method, told):
    with pytest.raises(RecipeError, match=told):
        check_parts(recipe(augment=method))


def test_paths_of_methods_are_relative_to_the_recipe(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "r.yaml").write_text(
        "tasks: [{name: mood, train: a.csv}]\n"
        "augment: {check: model, methods: [{name: synonym, dictionary: mine.csv}, {name: mask, base: model}]}\n"
    )

    found = load_recipe(tmp_path / "r.yaml").augment

    assert found.methods[0].model_extra == {"dictionary": [str(tmp_path / "mine.csv")]}
    assert found.methods[1].model_extra == {"base": str(tmp_path / "model")}
    assert found.check == str(tmp_path / "model")


def test_a_list_a_name_and_a_mapping_mean_the_same():
    assert parse_augment("swap") == parse_augment(["swap"]) == parse_augment({"name": "swap"})
    assert parse_augment("swap") == parse_augment({"methods": "swap"}) == parse_augment({"methods": {"name": "swap"}})


class Blunt:
    """Turns every text into one that says the opposite."""

    def rewrite(self, texts, draws):
        turned = {"good": "bad", "bad": "good"}
        return [" ".join(["well", *(turned.get(word, word) for word in text.split())]) for text in texts]


@pytest.fixture
def opposites():
    things = [f"{size} {thing}" for size in ("big", "small", "new", "old") for thing in ("film", "book", "hotel")]
    return [Example(Document(f"the {t} was {w}"), {"mood": w == "good"}) for t in things for w in ("good", "bad")]


def test_rows_whose_label_is_strongly_disputed_are_dropped_and_counted(opposites, monkeypatch, spaces):
    monkeypatch.setattr("sentimo.train.augment.rows.build_augmenters", lambda _: {"blunt": Blunt()})
    mood = {"mood": spaces["mood"]}

    kept = augment_parts(parse_augment({"methods": ["swap"], "check": "none"}), {"mood": opposites}, mood)
    checked = augment_parts(parse_augment({"methods": ["swap"], "certainty": 0.6}), {"mood": opposites}, mood)

    assert len(kept.parts["mood"]) == 48
    assert len(checked.parts["mood"]) == 24
    assert (checked.n_made["mood"], checked.n_dropped["mood"]) == (24, 24)
    assert checked.notes[-1] == "mood: 24 augmented rows dropped: the model that checks them is sure of another label"


def test_a_model_that_lacks_the_task_cannot_check(trained, opposites, spaces):
    augment = parse_augment({"methods": ["swap"], "check": str(trained.bundle.path)})

    with pytest.raises(InputError, match="does not answer task 'mood'"):
        augment_parts(augment, {"mood": opposites}, {"mood": spaces["mood"]})


def test_rows_of_several_tasks_stay_one_text(spaces, bert_base, recipe):
    two = recipe("mood", "emotions", augment="delete")
    parts = {"mood": mood_examples(20), "emotions": [replace(e, targets={"emotions": (1,)}) for e in mood_examples(20)]}
    chosen = {name: spaces[name] for name in parts}
    added = augment_parts(parse_augment({"methods": ["delete"], "check": "none"}), parts, chosen).parts

    rows = Learner.build(two, bert_base, chosen, added).rows

    assert rows.has["mood"].all()
    assert rows.has["emotions"].all()
    assert len(rows) == len(added["mood"]) > 20


def test_a_recipe_with_augmentation_trains_and_says_what_it_added(multi_task, tmp_path, trained, monkeypatch):
    from test_run import copy_graph

    monkeypatch.setattr("sentimo.train.run.export_onnx", lambda network, folder, tasks: copy_graph(trained, folder))
    monkeypatch.setattr("sentimo.train.run.check_parity", lambda first, second: {})
    monkeypatch.setattr("sentimo.train.run.write_bundle", lambda *args, **more: trained.bundle)
    seen = {}
    build = Learner.build.__func__
    monkeypatch.setattr(
        Learner,
        "build",
        classmethod(lambda cls, r, b, s, parts, *more: seen.update(parts) or build(cls, r, b, s, parts, *more)),
    )
    asked = multi_task.model_copy(
        update={"augment": parse_augment(["synonym", "shape"]), "epochs": 0.1, "baseline": False}
    )

    train(asked, tmp_path / "model")

    sources = {name: {each.source for each in rows} for name, rows in seen.items()}
    assert list(sources) == ["polarity", "emotions", "stars", "intensity"]
    assert all(each == {"gold", "augmented"} for each in sources.values())
    assert len({each.document.text for each in seen["polarity"]}) == len(seen["polarity"])


def test_augmented_rows_of_a_file_stay_in_train(tmp_path, recipe):
    lines = [f"text {n} is {w},{w},," for n in range(20) for w in ("good", "bad")]
    lines += [f"text {n} be {w},{w},text {n} is {w},swap" for n in range(20) for w in ("good", "bad")]
    path = tmp_path / "more.csv"
    path.write_text("\n".join(["text,label,augmented_from,augmented_by", *lines]), "utf-8")
    task = recipe({"name": "mood", "train": path}).tasks[0]

    data = load_task(task, seed=1)

    held_out = {each.document.text for each in (*data.dev, *data.test)}
    added = [each for each in data.train if each.source == "augmented"]
    assert {each.source for each in (*data.dev, *data.test)} == {"gold"}
    assert len(added) == 32
    assert not held_out & {each.document.meta[ORIGINAL] for each in added}
    assert data.notes[-1] == "mood: 8 augmented rows left out, their originals stand in dev or test"


def test_augmented_rows_of_a_dev_file_are_left_out(tmp_path, recipe):
    train_file, dev = tmp_path / "train.csv", tmp_path / "dev.csv"
    train_file.write_text("text,label\na good day,good\na bad day,bad\n")
    dev.write_text("text,label,augmented_from\na good night,good,\na night good,good,a good night\na bad night,bad,\n")
    task = recipe({"name": "mood", "train": train_file, "dev": dev}).tasks[0]

    data = load_task(task, seed=1)

    assert [each.document.text for each in data.dev] == ["a good night", "a bad night"]
    assert "mood: 1 augmented rows of dev left out" in data.notes


def test_methods_are_built_with_their_settings():
    methods = build_augmenters(parse_augment([{"name": "swap", "share": 0.3}, "delete"]))

    assert list(methods) == ["swap", "delete"]
    assert methods["swap"]._share == 0.3
