"""Close calls of a plan: a task that experts look at and the founder decides.

One rule: a plan's close call is an ordinary one (`firm.org.desk`); only its words come from the task.
"""

import msgspec

from firm.org.assignment import Assignment, Made
from firm.org.desk import CloseCall, Option, decide
from firm.org.member import WORDS, input_words
from firm.org.mission import Mission
from firm.org.words import words


async def decide_task(given: Assignment, mission: Mission) -> Made:
    """Have a task's question decided; the decision as its artifact."""
    task, say = given.task, words(given.language, WORDS)
    decision = await decide(
        CloseCall(
            question=task.says.replace("{mission}", mission.text).strip(),
            options=tuple([Option(name, "") for name in task.options]),
            kind=task.id,
            default=task.default,
            one_way=not task.default,
            context="\n\n".join([input_words(one, say) for one in given.inputs]),
            answer_s=task.answer_s,
            model=given.model,
        )
    )
    return Made(text=str(decision.choice), data=msgspec.to_builtins(decision), how="person")
