"""Whether a network can be stacked on the baselines that ``stack_on`` names; light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bioseq_lstm.errors import nearest


class SettingError(ValueError):
    """A fault of settings that stands at ``keys`` below those which were checked."""

    def __init__(self, message: str, *keys: str) -> None:
        super().__init__(message)
        self.keys = keys


def check_stack(
    model: str,
    stack_on: Sequence[str],
    known: Sequence[str],
    by_task: Mapping[str, Sequence[str]],
) -> None:
    """Raise ``SettingError`` for what is none of the baselines ``known`` to the model's task.

    ``by_task``: those of every task that has any.
    """
    for baseline in stack_on:
        others = [task for task, own in by_task.items() if baseline in own]
        if not known:
            said = f"is for tasks that predict values: {' and '.join(by_task)}"
        elif stack_on.count(baseline) > 1:
            said = f"{baseline!r} stands twice"
        elif baseline in known:
            continue
        elif others:
            said = f"{baseline!r} belongs to {' and '.join(others)}; known: {', '.join(known)}"
        else:
            said = (
                f"{baseline!r} is no baseline to stack on{nearest(baseline, known)}; known: "
                f"{', '.join(known)}"
            )
        raise SettingError(said, "models", model, "stack_on")
