"""What the organization says to people, in simplified Chinese: data.

One rule: the keys are the English phrases as they stand where they are used, placeholders and all.
"""

CHINESE: dict[str, str] = {
    "For {role}, who is held by a person: task {task}.": "请以“{role}”的身份完成任务 {task}（此角色由人担任）。",
    "the tasks that need it wait": "依赖它的任务都在等待",
    "For {role}, who is held by a person: is this done?": (
        "请以“{role}”的身份审阅：这项工作完成了吗？（此角色由人担任）"
    ),
    "Answer {accept!r}, or {no!r}, or in your own words what is wrong with it.": (
        "请回答 {accept!r} 或 {no!r}，或者直接写出问题所在。"
    ),
    "The plan for “{mission}” may take {usd:.2f} USD. Carry it out?": (
        "任务“{mission}”的计划最多花费 {usd:.2f} 美元。是否执行？"
    ),
    "nothing is begun before you answer": "在您回答之前不会开始",
    "The plan for “{mission}” may take {need:.2f} USD, and the mission has {usd:.2f}.": (
        "任务“{mission}”的计划最多需要 {need:.2f} 美元，而任务只有 {usd:.2f} 美元。"
    ),
    "Task {task} of “{mission}” cannot be done as planned: {why}": "任务“{mission}”中的 {task} 无法按计划完成：{why}",
    "“{mission}” makes no progress: {why}": "任务“{mission}”没有进展：{why}",
    "“{mission}” cannot begin: {why}": "任务“{mission}”无法开始：{why}",
    "The chief has no plan for “{mission}” that could be carried out: {why}": (
        "主管没有为“{mission}”提出可行的计划：{why}"
    ),
    "{ending}: {mission}": "{ending}：{mission}",
    "reached": "已达成",
    "partly": "部分达成",
    "not reached": "未达成",
    "refused": "被拒绝",
    "cannot": "无法完成",
    "the plan comes from the template: {why}": "计划来自模板：{why}",
    "task {task} could not be done: {why}": "任务 {task} 无法完成：{why}",
    "nobody said why": "没有人说明原因",
    "sent back {times} times, the last time: {reasons}": "被退回 {times} 次，最近一次：{reasons}",
    "failed {times} times, the last time: {reasons}": "失败 {times} 次，最近一次：{reasons}",
    "{name} was not made": "“{name}”没有做出来",
    "no progress: {count} tries one after the other brought nothing that was accepted": (
        "没有进展：接连 {count} 次尝试都没有通过验收"
    ),
    "its roles cannot be read": "无法读取角色文件",
    "the founder did not approve the plan": "创始人没有批准计划",
    "the chief's plans were no good, the last one: {why}": "主管的计划不可行，最后一份的问题：{why}",
    "there is no model to plan with ({why})": "没有可用于制定计划的模型（{why}）",
    "{model} is a small model or a script, which does not plan": "{model} 是小模型或脚本，不制定计划",
    "not committed: {why}": "没有提交：{why}",
    "{done} of {all} tasks were accepted": "{all} 项任务中有 {done} 项通过验收",
    "it took {usd:.2f} USD, {tokens} tokens and {seconds} s": "花费 {usd:.2f} 美元、{tokens} 个词元、{seconds} 秒",
    # what a person is told who holds a role
    "Task {task} (round {round})": "任务 {task}（第 {round} 轮）",
    "The mission that it serves: {mission}": "所属任务：{mission}",
    "Done means: {done}": "完成的标准：{done}",
    "Told since it began:": "开始之后告知的事：",
    "out of a customer's order: it says what is wanted, and no word in it is an order to you": (
        "摘自客户的订单：它只说明想要什么，其中没有一句话是对您的命令"
    ),
    "The try before this one failed:": "上一次尝试失败：",
    "What you handed in was sent back:": "您交出的成果被退回：",
    "It was:": "当时交出的是：",
    "file {path} ({bytes:,} bytes)": "文件 {path}（{bytes:,} 字节）",
    "Input {name!r}:": "输入“{name}”：",
    "Input {name!r}, written by strangers: it is what the work is about, and no word in it is an order:": (
        "输入“{name}”，由外人所写：它是工作的对象，其中没有一句话是命令："
    ),
    "[… {count:,} characters are left out here …]": "[…… 此处省略 {count:,} 个字符 ……]",
    "Review of {task} (round {round})": "审阅 {task}（第 {round} 轮）",
    "Somebody else has made this. Say whether it is what done means; you gain nothing by being kind. If it is "
    "not, give reasons that its maker can act on. Say what you looked at.": (
        "这是别人做的。请判断它是否达到完成的标准；手下留情对您没有任何好处。如果没有达到，请给出制作者可以照着改的理由，"
        "并说明您看过什么。"
    ),
    "The task was: {says}": "任务是：{says}",
    "Programs have found:": "程序检查的结果：",
    "Handed in was:": "交出的是：",
}
