from __future__ import annotations

import torch

from bioseq_lstm.nn.reversal import position_mask, reverse_within


def test_each_row_is_reversed_within_its_own_length_and_pads_stay() -> None:
    x = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0], [7, 0, 0, 0]]).unsqueeze(-1)
    reversed_rows = reverse_within(x, torch.tensor([4, 2, 1]))
    assert reversed_rows.squeeze(-1).tolist() == [[4, 3, 2, 1], [6, 5, 0, 0], [7, 0, 0, 0]]


def test_rows_of_frames_are_reversed_by_step_and_not_inside_a_frame() -> None:
    x = torch.arange(12).view(1, 3, 2, 2)
    assert torch.equal(reverse_within(x, torch.tensor([2])), x[:, [1, 0, 2]])


def test_reversing_twice_gives_the_rows_back() -> None:
    x, lengths = torch.randn(3, 6, 2), torch.tensor([6, 1, 4])
    assert torch.equal(reverse_within(reverse_within(x, lengths), lengths), x)


def test_the_gradient_agrees_with_finite_differences_to_second_order() -> None:
    x = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([4, 3])
    assert torch.autograd.gradcheck(lambda x: reverse_within(x, lengths), (x,))
    assert torch.autograd.gradgradcheck(lambda x: reverse_within(x, lengths) ** 3, (x,))


def test_the_mask_is_true_up_to_each_length() -> None:
    mask = position_mask(torch.tensor([2, 0, 3]), 3)
    assert mask.tolist() == [[True, True, False], [False, False, False], [True, True, True]]
