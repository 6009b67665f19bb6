"""Every adaptation: what learns, where it starts, what a run, a resumed run and a merge make of it."""

from __future__ import annotations

import signal
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from toy import MOODS, Striking, Toy, toy_recipe
from transformers import (
    AlbertConfig,
    AutoModel,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    MPNetConfig,
    Qwen2Config,
)

from sentimo.errors import Interrupted, RecipeError
from sentimo.train.adapt import ADAPTERS
from sentimo.train.adapt.build import adapt, adaptation_of, build_adaptation, learning_share
from sentimo.train.adapt.layers import chosen_layers, sublayer_outputs
from sentimo.train.batching import padded
from sentimo.train.check import check_parts
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.few_shot import rest
from sentimo.train.network import build_network
from sentimo.train.optim import build_optimiser, default_learning_rate
from sentimo.train.prepare import most_tokens
from sentimo.train.recipe import AdaptChoice

MERGED = ("lora", "adalora", "ia3", "bitfit")
IN_GRAPH = ("bottleneck", "prefix", "prompt")
QUICK = {"learning_rate": 2e-2, "head_learning_rate": 1e-2}

each_method = pytest.mark.parametrize("name", ADAPTERS)
each_base = pytest.mark.parametrize("base", ["bert", "roberta", "gpt2"])


def built(base, adapt=None, **settings):
    """A network for moods, in evaluation mode."""
    return build_network(base, {"mood": MOODS}, toy_recipe(adapt=adapt, **settings)).eval()


def encoder_of(network):
    return network.encoder.base_model


@torch.no_grad()
def logits(network, *texts):
    """The logits of texts given as ids, read together."""
    return network(*padded(texts, torch.device("cpu")))["mood"]


def choice(name, **settings):
    return build_adaptation(AdaptChoice(name=name, **settings))


# ---------------------------------------------------------------------------------------------- all of them


def test_methods_are_merged_or_stay_in_the_graph():
    assert {name for name in ADAPTERS if choice(name).merges} == set(MERGED)
    assert {*MERGED, *IN_GRAPH} == ADAPTERS.keys()


@each_base
@each_method
def test_what_is_new_and_the_heads_learn_and_the_base_stays_as_it_was(name, base, request):
    run = Toy(request.getfixturevalue(f"{base}_base"), epochs=1, adapt=name, optimiser=QUICK)
    before, learning = run.weights, {key for key, each in run.network.named_parameters() if each.requires_grad}

    after = run.fit(evaluate=None).weights

    changed = {key for key in before if not torch.equal(before[key], after[key])}
    spared = {key for key in learning if "lora_E" in key}  # AdaLoRA may have set them to 0 again, where they began
    assert learning - spared <= changed <= learning
    heads = {key for key in learning if not key.startswith("encoder.") or "classifier" in key or "pooler" in key}
    assert heads
    assert any(key not in heads for key in learning)
    assert learning_share(run.network)["share"] < 0.4  # of a network of width 32


@each_base
@pytest.mark.parametrize("name", [*MERGED, "bottleneck"])
def test_training_starts_from_the_base(name, base, request):
    base = request.getfixturevalue(f"{base}_base")

    assert encoder_output(built(base, name)) == pytest.approx(encoder_output(built(base)), abs=2e-2)


@torch.no_grad()
def encoder_output(network):
    ids, mask = padded([[2, 7, 9, 3], [2, 8, 3]], torch.device("cpu"))
    return encoder_of(network)(input_ids=ids, attention_mask=mask).last_hidden_state[0].numpy()


@each_base
@pytest.mark.parametrize("name", MERGED)
def test_a_merged_network_answers_as_before_and_looks_like_one_tuned_in_full(name, base, request):
    base = request.getfixturevalue(f"{base}_base")
    run = Toy(base, epochs=1, adapt=name, optimiser=QUICK).fit()
    run.network.eval()
    before = logits(run.network, *run.rows.ids)

    adaptation_of(run.network).merge(encoder_of(run.network))

    assert logits(run.network, *run.rows.ids).numpy() == pytest.approx(before.numpy(), abs=1e-5)
    assert run.network.state_dict().keys() == built(base).state_dict().keys()


@pytest.mark.parametrize("base", ["bert", "roberta"])  # a decoder's last token, too, sees only what is before it
@each_method
def test_padding_changes_no_answer(name, base, request):
    network = built(request.getfixturevalue(f"{base}_base"), name)
    text, longer = [2, 7, 9, 3], [2, 8, 9, 10, 11, 12, 13, 3]

    assert logits(network, text, longer)[0].numpy() == pytest.approx(logits(network, text)[0].numpy(), abs=1e-5)


@each_method
def test_a_method_learns(name, bert_base):
    run = Toy(bert_base, n_rows=72, epochs=6, adapt=name, pooling="mean", optimiser=QUICK, dropout=0.0).fit()

    assert run.history[-1]["loss"] < run.history[0]["loss"] - 0.005


@pytest.mark.parametrize(("name", "step"), [*((name, 8) for name in ADAPTERS), ("adalora", 2), ("adalora", 14)])
def test_an_interrupted_run_goes_on_to_the_same_weights(name, step, bert_base, tmp_path):
    def make():
        return Toy(bert_base, epochs=3, adapt=name, optimiser=QUICK)

    whole = make().fit()
    places = Checkpoints(tmp_path / "checkpoint", "toy")
    with pytest.raises(Interrupted):
        make().fit(Striking(step, lambda: signal.raise_signal(signal.SIGINT)), checkpoints=places)

    resumed = make().fit(checkpoints=places, resume=True)

    assert all(torch.equal(each, resumed.weights[key]) for key, each in whole.weights.items())
    assert resumed.history == whole.history


def test_running_out_of_memory_counts_the_penalty_once(bert_base):
    def run(*strike):
        adapt = {"name": "adalora", "dropout": 0.0}
        made = Toy(bert_base, epochs=1, adapt=adapt, dropout=0.0, micro_tokens=64, optimiser=QUICK)
        return made.fit(Striking(3, lambda: out_of_memory(*strike)))

    def out_of_memory(*strike):
        if strike:
            raise torch.OutOfMemoryError("out of memory")

    whole, halved = run(), run("strike")

    assert halved.history[0]["loss"] == pytest.approx(whole.history[0]["loss"], abs=1e-4)


# ---------------------------------------------------------------------------------------------- recipes


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"adapt": "lore"}, "adaptation 'lore' is not known .* Did you mean 'lora'?"),
        ({"adapt": "lora", "freeze": "encoder"}, "adapt freezes the encoder itself; leave out freeze"),
        ({"adapt": "lora", "train_last": 1}, "leave out freeze and train_last"),
        ({"save": "adapter"}, "save adapter needs `adapt`, such as adapt: lora"),
        ({"adapt": {"name": "lora", "ranks": 4}}, "adapt 'lora' has no setting 'ranks'. Did you mean 'rank'?"),
        ({"adapt": {"name": "lora", "rank": 0}}, "adapt 'lora': rank is 0; expected 1 or more"),
        ({"adapt": {"name": "adalora", "rank": 8, "start": 8}}, "rank is 8 and start 8; .* a start above it"),
        ({"adapt": {"name": "adalora", "warm": 0.6, "settle": 0.5}}, "expected shares that leave steps between"),
        ({"adapt": {"name": "bottleneck", "placement": "top"}}, "'top' is not one of houlsby, pfeiffer"),
        ({"adapt": {"name": "prompt", "n_tokens": 0}}, "n_tokens is 0; expected 1 or more"),
    ],
)
def test_recipes_that_cannot_be_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        check_parts(toy_recipe(**settings))


def test_an_encoder_that_starts_from_nothing_is_not_adapted(bert_base):
    new = replace(bert_base, config=SimpleNamespace(model_type="sentimo-textcnn"))

    with pytest.raises(RecipeError, match="adapt lora: base .* starts from nothing; leave adapt out"):
        adapt(built(bert_base), new, AdaptChoice(name="lora"))


@pytest.mark.parametrize("name", ["lora", "adalora", "ia3"])
def test_targets_that_are_not_there_are_refused_with_those_that_are(name, bert_base):
    with pytest.raises(RecipeError, match=r"no linear layer is called 'q'. Those of the first layer: attention.self.q"):
        built(bert_base, {"name": name, "targets": ["q"]})


@each_method
def test_the_default_rate_of_a_method_is_a_multiple_of_that_of_full_tuning(name, bert_base):
    network = built(bert_base, name)
    optimiser = build_optimiser(network, toy_recipe().optimiser)
    rates = {id(each): group["lr"] for group in optimiser.param_groups for each in group["params"]}
    new = {key: rates[id(each)] for key, each in encoder_of(network).named_parameters() if id(each) in rates}
    pooler = {new.pop(key) for key in [*new] if "pooler" in key}

    assert {*new.values()} == {default_learning_rate("adamw", 32) * ADAPTERS[name].rate_factor}
    assert pooler == {default_learning_rate("adamw", 32)}  # pre-trained, and learns as without an adaptation
    assert rates[id(network.encoder.classifier.weight)] == default_learning_rate("adamw", 32) * 50


def test_factors_are_not_pulled_towards_nothing(bert_base):
    network = built(bert_base, "ia3")
    groups = build_optimiser(network, toy_recipe().optimiser).param_groups
    decay = {id(each): group["weight_decay"] for group in groups for each in group["params"]}

    assert {decay[id(each)] for key, each in network.named_parameters() if "ia3" in key} == {0.0}


# ---------------------------------------------------------------------------------------------- one by one


def test_the_share_of_lora_is_that_of_its_matrices(bert_base):
    # per layer, rank 4: query, key, value, attention output 4 * (32 + 32) * 4; feed-forward 2 * (32 + 64) * 4
    network = built(bert_base, {"name": "lora", "rank": 4})
    new = sum(each.numel() for key, each in network.named_parameters() if "lora_" in key)

    assert new == 2 * (4 * 64 * 4 + 2 * 96 * 4)


def test_targets_choose_layers_by_the_ends_of_their_names(bert_base):
    encoder = encoder_of(built(bert_base))

    assert chosen_layers(encoder, ["query", "output.dense"], "targets") == [
        f"encoder.layer.{layer}.{part}"
        for layer in range(2)
        for part in ("attention.self.query", "attention.output.dense", "output.dense")
    ]


def test_adalora_moves_rank_until_the_budget_is_kept(bert_base):
    run = Toy(bert_base, n_rows=72, epochs=4, adapt={"name": "adalora", "rank": 4, "start": 8}, optimiser=QUICK).fit()
    found = adaptation_of(run.network).describe(encoder_of(run.network))

    assert len(found["ranks"]) == 12
    assert found["mean_rank"] <= 4.0
    assert sum(found["ranks"].values()) >= 44  # of 48: less only where triplets count exactly alike
    assert len(set(found["ranks"].values())) > 1  # not the same everywhere


def test_weights_count_as_the_best_only_once_ranks_are_settled(bert_base):
    figures = iter([0.9, 0.8, 0.1, 0.2])
    run = Toy(bert_base, n_rows=72, epochs=4, adapt={"name": "adalora", "settle": 0.3}, optimiser=QUICK)

    run.fit(evaluate=lambda _: {"main": next(figures)})  # ranks are given up until step 26 of 36, in the third epoch

    assert run.result.best_epoch == 3


def test_adalora_needs_steps_to_move_rank_in(bert_base):
    with pytest.raises(RecipeError, match="adapt adalora: 1 steps are too few to move rank; train longer"):
        Toy(bert_base, n_rows=8, adapt="adalora").fit()


def test_pfeiffer_adapters_stand_behind_the_feed_forward_part_only(bert_base):
    def names(placement):
        network = built(bert_base, {"name": "bottleneck", "placement": placement})
        return {key.split(".bottleneck")[0] for key, _ in network.named_parameters() if ".bottleneck.down" in key}

    both = names("houlsby")
    assert names("pfeiffer") == {each for each in both if "attention" not in each}
    assert len(both) == 4


def test_a_prefix_starts_from_keys_and_values_of_words(bert_base):
    network = built(bert_base, {"name": "prefix", "n_tokens": 3})
    attention = encoder_of(network).encoder.layer[0].attention.self

    prefix = attention.prefix.embedding.weight.detach().view(3, 2, 2, 16)  # token, key or value, head, width
    plain = encoder_of(built(bert_base)).encoder.layer[0].attention.self
    words = encoder_of(network).embeddings.word_embeddings.weight.shape[0]
    with torch.no_grad():
        ids = torch.arange(words)
        at_0 = plain.key(encoder_of(network).embeddings(input_ids=ids.unsqueeze(1))).view(words, 2, 16)
    assert min((at_0 - prefix[0, 0]).abs().amax(dim=(1, 2))) < 1e-5  # the first token is some word at position 0


@pytest.mark.parametrize("name", ["prefix", "prompt"])
def test_a_decoder_still_does_not_see_what_follows(name, gpt2_base):
    encoder = encoder_of(built(gpt2_base, name))
    ids = torch.tensor([[5, 6, 7, 8], [5, 6, 9, 10]])

    with torch.no_grad():
        hidden = encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state

    assert hidden.shape[:2] == (2, 4)
    assert hidden[0, :2].numpy() == pytest.approx(hidden[1, :2].numpy(), abs=1e-5)
    assert (hidden[0, 2] - hidden[1, 2]).abs().max() > 1e-3


def test_a_prompt_stands_behind_the_first_special_token_and_is_taken_out_again(bert_base):
    encoder = encoder_of(built(bert_base, {"name": "prompt", "n_tokens": 3}))
    seen = []
    encoder.embeddings.register_forward_hook(lambda _, __, output: seen.append(output))
    ids = torch.tensor([[2, 7, 9, 3]])

    with torch.no_grad():
        hidden = encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        plain = encoder.embeddings(input_ids=ids)

    assert (hidden.shape[1], seen[0].shape[1]) == (4, 7)
    assert torch.equal(seen[0][:, 0], plain[:, 0])


def test_a_prompt_may_start_from_words(bert_base):
    network = built(bert_base, {"name": "prompt", "n_tokens": 3, "text": "good film"})
    words = encoder_of(network).embeddings.word_embeddings.weight
    good, film = bert_base.tokenizer("good film", add_special_tokens=False)["input_ids"]

    assert torch.equal(encoder_of(network).prompt_embeddings.embedding.weight, words[[good, film, good]])


# ---------------------------------------------------------------------------------------------- other encoders

SMALL = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
OTHERS = {
    "albert": AlbertConfig(**SMALL, embedding_size=16, pad_token_id=0),
    "deberta": DebertaV2Config(**SMALL, pad_token_id=0),
    "distilbert": DistilBertConfig(vocab_size=60, dim=32, n_layers=2, n_heads=4, hidden_dim=64),
    "electra": ElectraConfig(**SMALL, embedding_size=16),
    "modernbert": ModernBertConfig(
        **SMALL, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2
    ),
    "mpnet": MPNetConfig(**SMALL),
    "qwen2": Qwen2Config(**SMALL, num_key_value_heads=2, pad_token_id=0, bos_token_id=1, eos_token_id=2),
}
REFUSED = {
    *(("albert", name) for name in ("lora", "adalora", "ia3", "bottleneck")),
    ("deberta", "prefix"),
    ("modernbert", "bitfit"),
    ("mpnet", "prefix"),
}


@each_method
@pytest.mark.parametrize("kind", OTHERS)
def test_other_encoders_are_adapted_or_refused_in_a_sentence(kind, name, bert_base):
    torch.manual_seed(0)
    encoder = AutoModel.from_config(OTHERS[kind]).eval()
    encoder.requires_grad_(False)
    method = choice(name)

    if (kind, name) in REFUSED:
        with pytest.raises(RecipeError, match="adapt"):
            method.apply(encoder, bert_base)
        return
    method.apply(encoder, bert_base)

    ids = torch.tensor([[2, 7, 9, 3], [2, 8, 3, 0]])
    hidden = encoder(input_ids=ids, attention_mask=(ids > 0).long()).last_hidden_state
    hidden.sum().backward()
    learning = [each for each in encoder.parameters() if each.requires_grad]
    assert hidden.shape == (2, 4, 32)
    assert learning
    assert all(each.grad is not None for each in learning)


def test_the_ends_of_the_parts_are_found_by_their_width():
    encoder = AutoModel.from_config(OTHERS["modernbert"])

    assert sublayer_outputs(encoder) == [(f"layers.{at}.attn.Wo", f"layers.{at}.mlp.Wo") for at in range(2)]


def test_what_learns_is_told_even_where_it_rests_later(bert_base):
    network = build_network(bert_base, {"mood": MOODS}, toy_recipe(adapt={"name": "lora", "rank": 2}))
    share = learning_share(network)

    rest(network)

    assert learning_share(network) == share
    assert any("lora_A" in name for name in adaptation_of(network).learns)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"name": "prompt", "n_tokens": 60}, "60 tokens of its own leave 4 of 64 positions"),
        ({"name": "prompt", "n_tokens": 600}, "leave 0 of"),
        ({"name": "prefix", "n_tokens": 65}, "n_tokens is 65; base .* has 64 positions"),
        ({"name": "lora", "rank": 33}, "rank is 33; above 32, the width"),
        ({"name": "adalora", "rank": 20, "start": 40}, "start at 40; above 32"),
    ],
    ids=["prompt", "long prompt", "prefix", "lora", "adalora"],
)
def test_sizes_that_the_base_has_no_room_for_are_refused(choice, said, bert_base):
    recipe = toy_recipe(adapt=choice)

    def made():
        return most_tokens(recipe, bert_base), build_network(bert_base, {"mood": MOODS}, recipe)

    with pytest.raises(RecipeError, match=said):
        made()


def test_a_prompt_stands_beside_token_types_too(bert_base):
    recipe = toy_recipe(adapt={"name": "prompt", "n_tokens": 3})
    encoder = build_network(bert_base, {"mood": MOODS}, recipe).eval().encoder.base_model
    ids, mask = padded(bert_base.encode(["the film was good", "bad"], 32), torch.device("cpu"))

    plain = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    zeros = encoder(input_ids=ids, attention_mask=mask, token_type_ids=torch.zeros_like(ids)).last_hidden_state
    ones = encoder(input_ids=ids, attention_mask=mask, token_type_ids=torch.ones_like(ids)).last_hidden_state

    assert plain.shape[:2] == ids.shape
    assert torch.equal(zeros, plain)
    assert not torch.allclose(ones, plain)
