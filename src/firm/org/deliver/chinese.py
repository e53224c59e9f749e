"""The words of deliveries and their reports in simplified Chinese: data.

One rule: the keys are the English phrases as they stand where they are used, placeholders and all.
"""

CHINESE: dict[str, str] = {
    ", ": "、",
    "{usd} USD": "{usd} 美元",
    "{who} ({how})": "{who}（{how}）",
    # endings, states, makers
    "reached": "已达成",
    "partly": "部分达成",
    "not reached": "未达成",
    "refused": "被拒绝",
    "cannot": "无法完成",
    "accepted": "已通过",
    "skipped": "已跳过",
    "waiting": "未开始",
    "working": "进行中",
    "checking": "检查中",
    "model": "模型",
    "script": "脚本",
    "program": "程序",
    "template": "模板",
    "person": "人",
    "default": "默认值",
    "unit": "部门",
    # the opening
    "What was asked for was made: everything that was to be delivered is here ({made} of {all}).": (
        "要求的成果已经完成：应交付的全部在此（{made}/{all}）。"
    ),
    "What was asked for was made in part: {made} of {all} results are here.": (
        "要求的成果完成了一部分：{all} 项中有 {made} 项在此。"
    ),
    "What was asked for was not made: {made} of {all} results are here.": (
        "要求的成果没有完成：{all} 项中有 {made} 项在此。"
    ),
    "It was not carried out.": "任务没有执行。",
    "It cannot be met as it was asked.": "按现在的要求无法完成。",
    "Each result was checked by a program, or by somebody other than its maker, and accepted.": (
        "每项成果都由程序或制作者以外的人检查过，并获得通过。"
    ),
    "Work was sent back once.": "退回重做 1 次。",
    "Work was sent back {count} times.": "退回重做 {count} 次。",
    "One close call was put to the founder.": "有 1 项两难决定提交给创始人。",
    "{count} close calls were put to the founder.": "有 {count} 项两难决定提交给创始人。",
    "It took {span} and {usd}.": "用时 {span}，花费 {usd}。",
    "The plan is that of the template: {why}": "计划来自模板：{why}",
    "It holds what strangers wrote, or was made by who had read it: believe it as you would them.": (
        "其中含有外人写的内容，或由读过这些内容者制作：请像对待外人的话一样对待它。"
    ),
    "results": "成果",
    "{made} of {all}": "{made}/{all}",
    "cost": "花费",
    "time": "用时",
    "calls of models": "模型调用",
    # results
    "What is delivered": "交付的成果",
    "Nothing: no result was accepted.": "没有：没有一项成果获得通过。",
    "… {count} more characters in the file": "…… 文件中还有 {count} 个字符",
    "by {role} ({how})": "由 {role} 制作（{how}）",
    "files: {count}": "文件：{count} 个",
    # tasks
    "Who did what, and who checked it": "谁做的，谁检查的",
    "Nothing was begun.": "什么都没有开始。",
    "task": "任务",
    "who, and how": "由谁、以何种方式",
    "rounds": "轮次",
    "state": "状态",
    "checked": "检查",
    "{count} more tasks, all accepted, are not told one by one.": "另有 {count} 项任务均已通过，不再逐一列出。",
    "checks by programs: {count}": "程序检查：{count} 项",
    "close call": "两难决定",
    "round {number}": "第 {number} 轮",
    "{count} lines": "{count} 行",
    # the plan
    "The plan": "计划",
    "the plan, with how each task ended": "计划图，含每项任务的结果",
    "The plan was a template's, not a model's.": "计划来自模板，而非模型。",
    "The plan was made by a model.": "计划由模型制定。",
    "The plan was made by a person.": "计划由人制定。",
    # refused
    "What was refused, and why": "被退回的，以及原因",
    "Nothing was sent back, and nothing failed.": "没有退回，也没有失败。",
    "{task}: sent back by {who}": "{task}：被 {who} 退回",
    "{task}: a try failed": "{task}：一次尝试失败",
    "{task}: given up": "{task}：已放弃",
    "{task}: not begun": "{task}：没有开始",
    "… and {count} more": "…… 另有 {count} 项",
    # decisions, facts, goals
    "Decisions": "决定",
    "not decided": "未决定",
    "the founder": "创始人",
    "the default, for nobody answered": "默认值（无人答复）",
    "a rule": "规则",
    "decided: {choice}, by {who}": "决定：{choice}，由{who}作出",
    "could be: {options}": "可选：{options}",
    "{expert} had no opinion: {why}": "{expert} 没有意见：{why}",
    "What the founder told meanwhile": "创始人中途告知的事",
    "Goals, and what was bet on them": "目标与押注",
    "the bet: {bet}": "押注：{bet}",
    "would be proved wrong if: {what}": "若出现以下情况则押错：{what}",
    "what came: {made} of {all} of its tasks were accepted": "结果：其 {all} 项任务中有 {made} 项通过",
    # cost, models, files
    "What it cost": "花费明细",
    "money": "费用",
    "what the plan allowed": "计划允许的上限",
    "tokens": "词元",
    "What models added": "模型的贡献",
    "Of {all} accepted pieces of work, by who made them: {parts}.": "通过的 {all} 件成果，按制作者分：{parts}。",
    "The models: {names}.": "所用模型：{names}。",
    "Of {all} verdicts, models gave {count}.": "{all} 次评判中有 {count} 次由模型作出。",
    "No model made, planned or judged any of it.": "其中没有任何一件由模型制作、计划或评判。",
    "Files": "文件",
    "file": "文件",
    "size": "大小",
    "run {run}": "运行 {run}",
    # changelog
    "delivered": "交付",
    "{usd} and {span}": "{usd}，{span}",
    "it took": "花费",
    "report": "报告",
    "{count} s": "{count} 秒",
    "{count} min": "{count} 分钟",
    "{count} h": "{count} 小时",
}
