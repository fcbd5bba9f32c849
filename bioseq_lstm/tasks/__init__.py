"""The tasks by name. A new task is a folder here, its settings, and a line in this registry."""

from __future__ import annotations

from bioseq_lstm.tasks.affinity.task import AffinityTask
from bioseq_lstm.tasks.base import Task
from bioseq_lstm.tasks.expression.task import ExpressionTask
from bioseq_lstm.tasks.structure.task import StructureTask

TASKS: dict[str, Task] = {
    task.name: task() for task in (StructureTask, ExpressionTask, AffinityTask)
}
