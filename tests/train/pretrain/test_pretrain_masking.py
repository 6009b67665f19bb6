from __future__ import annotations

import torch

from sentimo.train.pretrain.masking import mask

IDS = torch.randint(5, 500, (64, 128), generator=torch.Generator().manual_seed(1))


def test_what_is_hidden_can_be_put_back():
    masked = mask(IDS, share=0.15, mask_id=4, n_special=5)
    back = masked.ids.flatten().clone()
    back[masked.chosen[masked.counts]] = masked.targets[masked.counts]

    assert torch.equal(back.view_as(IDS), IDS)
    assert len(masked.chosen) == round(0.15 * IDS.numel())
    assert masked.counts.float().mean() > 0.95


def test_eight_tenths_become_the_mask_and_a_tenth_stays():
    masked = mask(IDS, share=0.15, mask_id=4, n_special=5)
    shown = masked.ids.flatten()[masked.chosen][masked.counts]

    assert abs((shown == 4).float().mean() - 0.8) < 0.04
    assert abs((shown == masked.targets[masked.counts]).float().mean() - 0.1) < 0.03


def test_without_replacing_all_become_the_mask():
    masked = mask(IDS, share=0.15, mask_id=4, n_special=5, replace=False)

    assert (masked.ids.flatten()[masked.chosen][masked.counts] == 4).all()


def test_special_tokens_are_never_hidden():
    ids = torch.full((8, 64), 3)
    ids[:, ::2] = 7
    masked = mask(ids, share=0.15, mask_id=4, n_special=5)

    assert torch.equal(masked.ids[:, 1::2], ids[:, 1::2])
    assert (masked.targets[masked.counts] == 7).all()


def test_special_tokens_are_never_drawn():
    ids = torch.full((64, 128), 3)
    ids[:, ::2] = IDS[:, ::2]
    masked = mask(ids, share=0.15, mask_id=4, n_special=5)

    shown = masked.ids.flatten()[masked.chosen][masked.counts]
    assert set(shown[shown < 5].tolist()) == {4}


def test_hidden_tokens_come_in_runs():
    hidden = mask(IDS, share=0.15, mask_id=4, n_special=5, replace=False).ids == 4
    beside = hidden[:, 1:][hidden[:, :-1]].float().mean()

    assert beside > 0.4  # drawn one by one it would be 0.15


def test_of_a_word_in_pieces_all_are_hidden_or_none():
    continues = torch.zeros(500, dtype=torch.bool)
    continues[300:] = True  # two of five tokens go on with a word
    masked = mask(IDS, share=0.15, mask_id=4, n_special=5, replace=False, continues=continues)
    hidden = masked.ids == 4
    torn = (hidden[:, 1:] != hidden[:, :-1]) & continues[IDS][:, 1:]
    apart = mask(IDS, share=0.15, mask_id=4, n_special=5, replace=False).ids == 4

    assert hidden.float().mean() > 0.14
    assert torn.sum() <= 1  # where the number of tokens to guess is full
    assert ((apart[:, 1:] != apart[:, :-1]) & continues[IDS][:, 1:]).sum() > 100
    assert hidden.any(dim=1).float().mean() > 0.9  # and it is not always the same place
