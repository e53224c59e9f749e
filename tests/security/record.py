"""Record the tasks and attacks of AgentDojo once, so that they replay without it and without a model.

One rule: it writes down what the package says and classifies nothing; that is done by hand in `tools.toml`.
Not run by the tests: it needs the package `agentdojo` in an environment of its own (docs/security.md says how).
"""

import json
import sys
import types
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data" / "agentdojo"
VERSIONS = ("v1", "v1.2.2")
STUBBED = ("agent_pipeline", "agent_pipeline.base_pipeline_element", "agent_pipeline.errors",
           "agent_pipeline.ground_truth_pipeline", "logging")  # fmt: skip
CANARY = "CANARY({})"


class Stub(types.ModuleType):
    """Stands for a module that would import the SDKs of model hosts; every name in it is an empty class."""

    __path__: list[str] = []  # noqa: RUF012

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {})


def suites_of(version: str) -> dict[str, Any]:
    """The suites of one version of the benchmark."""
    for name in STUBBED:
        sys.modules.setdefault(f"agentdojo.{name}", Stub(f"agentdojo.{name}"))
    from agentdojo.task_suite.load_suites import get_suites  # type: ignore[import-not-found]

    return dict(get_suites(version))


def parameters_of(function: Any) -> dict[str, Any]:
    """Optional arguments with their defaults; required ones as '<required>'."""
    fields = function.parameters.model_fields
    return {name: "<required>" if field.is_required() else field.default for name, field in fields.items()}


def task_of(suite: Any, task: Any) -> dict[str, Any]:
    """A user task: what it says, its calls, and which injections each call brings back."""
    from agentdojo.functions_runtime import FunctionsRuntime  # type: ignore[import-not-found]

    vectors = suite.get_injection_vector_defaults()
    marked = {name: f"{text} {CANARY.format(name)}" for name, text in vectors.items()}
    plain = task.init_environment(suite.load_and_inject_default_environment({}))
    world = task.init_environment(suite.load_and_inject_default_environment(marked))
    runtime, calls = FunctionsRuntime(suite.tools), []
    said = task.ground_truth(plain.model_copy(deep=True))
    done = task.ground_truth(world.model_copy(deep=True))
    for plain_call, call in zip(said, done, strict=True):
        result, error = runtime.run_function(world, call.function, dict(call.args))
        if error:
            raise RuntimeError(f"{task.ID}: {call.function}({call.args!r}) failed: {error}")
        seen = sorted(name for name in vectors if CANARY.format(name) in str(result))
        calls.append([call.function, dict(plain_call.args), seen])
    return {"says": " ".join(task.PROMPT.split()), "calls": calls}


def attack_of(suite: Any, task: Any) -> dict[str, Any]:
    """An injection task: its goal and its calls."""
    world = suite.load_and_inject_default_environment({})
    return {
        "goal": task.GOAL,
        "calls": [[call.function, dict(call.args)] for call in task.ground_truth(world)],
    }


def record(version: str) -> dict[str, Any]:
    """Everything of one version."""
    return {
        name: {
            "tools": {function.name: parameters_of(function) for function in suite.tools},
            "tasks": {key: task_of(suite, task) for key, task in suite.user_tasks.items()},
            "attacks": {key: attack_of(suite, task) for key, task in suite.injection_tasks.items()},
        }
        for name, suite in suites_of(version).items()
    }


def lines_of(recorded: dict[str, Any]) -> str:
    """JSON with one task a line, so that a difference can be read."""
    parts = []
    for suite, groups in recorded.items():
        inner = ",\n".join(
            f" {json.dumps(group)}: {{\n"
            + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in items.items())
            + "\n }"
            for group, items in groups.items()
        )
        parts.append(f"{json.dumps(suite)}: {{\n{inner}\n}}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    for version in VERSIONS:
        (DATA / f"{version}.json").write_text(lines_of(record(version)), "utf-8")
        print(f"wrote {version}.json")
