from __future__ import annotations

import numpy as np
import torch

from sentimo.train.pretrain.packing import layout, pack, pieces


def test_long_documents_are_cut_and_a_short_rest_is_left_out():
    assert list(pieces([1, 2, 3, 4, 5, 6, 7], 3, shortest=2)) == [[1, 2, 3], [4, 5, 6]]
    assert list(pieces([1, 2, 3, 4, 5], 3, shortest=2)) == [[1, 2, 3], [4, 5]]
    assert list(pieces([1], 3, shortest=2)) == [[1]]  # a short document is no rest


def test_documents_share_a_row_between_their_special_tokens():
    rows = pack([[7, 8], [9], [5, 6, 7, 8]], 8, first=2, last=3, pad=0)

    assert rows.tolist() == [[2, 7, 8, 3, 2, 9, 3, 0], [2, 5, 6, 7, 8, 3, 0, 0]]
    assert rows.dtype == np.uint16


def test_no_document_is_lost_when_many_rows_are_open():
    documents = [[5] * (1 + n % 30) for n in range(2000)]
    rows = pack(documents, 32, first=2, last=3, pad=0)

    assert (rows == 2).sum() == 2000
    assert (rows == 5).sum() == sum(map(len, documents))
    assert (rows == 0).mean() < 0.05


def test_no_documents_make_no_rows():
    assert pack([], 8, first=2, last=3, pad=0).shape == (0, 8)


def test_each_document_has_a_number_and_counts_its_places_from_zero():
    documents, places = layout(torch.tensor([[2, 7, 8, 3, 2, 9, 3, 0]]), first=2, pad=0)

    assert documents.tolist() == [[1, 1, 1, 1, 2, 2, 2, 0]]
    assert places.tolist() == [[0, 1, 2, 3, 0, 1, 2, 0]]
