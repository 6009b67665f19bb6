"""Label Studio: texts to label as its tasks, and what was labelled in it.

The project needs the labelling interface ``<View><Text name="text" value="$text"/><Choices name="label"
toName="text">...</Choices></View>``, with a ``<Choice value="..."/>`` per label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sentimo.errors import DataError

FROM, TO = "label", "text"
"""Names of the choices and of the text in the labelling interface."""


def to_task(row: int, text: str, suggested: Sequence[str] = (), score: float | None = None) -> dict[str, Any]:
    """Return a task for import, with the model's suggestion as a prediction where there is one."""
    task: dict[str, Any] = {"data": {"text": text, "row": row}}
    if suggested:
        choices = {"from_name": FROM, "to_name": TO, "type": "choices", "value": {"choices": list(suggested)}}
        task["predictions"] = [{"model_version": "sentimo", "score": score, "result": [choices]}]
    return task


def answers_in(exported: Any, where: str) -> list[tuple[int, str | None, list[str]]]:
    """Return (row, text, labels) of the tasks of an export (JSON or JSON-MIN) that were labelled.

    Of several annotations the last one that was not cancelled counts; skipped tasks give nothing.

    Raises:
        DataError: not an export of tasks that `to_task` made.
    """
    if not isinstance(exported, list) or not all(isinstance(each, Mapping) for each in exported):
        raise DataError(f"{where}: no export of Label Studio. Expected a list of tasks; export as JSON or JSON-MIN.")
    found = []
    for number, task in enumerate(exported, 1):
        data = task.get("data", task)
        try:
            row = int(data["row"])
        except (KeyError, TypeError, ValueError):
            raise DataError(
                f"{where}, task {number}: it has no row. Import the tasks that --ask wrote, and label those."
            ) from None
        labels = _labels(task)
        if labels:
            text = data.get(TO)
            found.append((row, None if text is None else str(text), labels))
    return found


def _labels(task: Mapping[str, Any]) -> list[str]:
    if "annotations" not in task:  # JSON-MIN: the choice by its name, several as {"choices": [...]}
        value = task.get(FROM)
        value = value.get("choices") if isinstance(value, Mapping) else value
        return [value] if isinstance(value, str) else list(value or [])
    done = [each for each in task["annotations"] if not each.get("was_cancelled")]
    results = done[-1].get("result", []) if done else []
    return [choice for each in results if each.get("type") == "choices" for choice in each["value"]["choices"]]
