"""The words of lessons in simplified Chinese: data.

One rule: the keys are the English phrases as they stand where they are used, placeholders and all.
"""

CHINESE: dict[str, str] = {
    "“{makes}” was given up after {rounds} tries: {reason}": "“{makes}”在尝试 {rounds} 次后放弃：{reason}",
    "“{makes}” was finished by {other} in your place: {reason}": "“{makes}”由 {other} 代为完成：{reason}",
    "Look at this before you hand over “{makes}”; it was sent back for it: {reason}": (
        "交出“{makes}”之前先核对这一点，它曾因此被退回：{reason}"
    ),
    "Shall {role} keep this lesson?": "要让 {role} 记住这条经验吗？",
    "It comes from task {task} of {run}.": "它来自 {run} 的任务 {task}。",
    "It quotes words that may come from strangers: keep it only if it is an honest lesson.": (
        "其中引用的话可能来自外人：确属有益的经验再保留。"
    ),
    "nothing waits for it": "没有事情在等它",
}
