"""What the demo says, in other languages: data, and one function that looks it up.

One rule: the English words stand where they are used, and are the key to the others; a phrase that is missing here is
an error, not English in the middle of another language.
"""

from dataclasses import dataclass

CHINESE = {
    # the model's paragraph
    "No model wrote a summary here: {why}.": "这里没有模型撰写的摘要：{why}。",
    "not in the record": "不在记录中",
    "on this machine": "运行于本机",
    "at {host}": "运行于 {host}",
    "Written by a model ({name}, {where}), not checked by a person; the figures above are the record.": (
        "由模型撰写（{name}，{where}），未经人工核对；以上方的数字记录为准。"
    ),
    "Underlined: {count} not in the record. The other words nobody has checked.": (
        "带下划线的 {count} 个数字不在记录中。其余文字无人核对。"
    ),
    "Every number in digits is in the record. The words nobody has checked.": (
        "用数字写出的数都在记录中。文字无人核对。"
    ),
    # what the model is told, and why there is nothing of it
    "You write the summary of a report about a search for a wing section. The facts:": (
        "你要为一份翼型搜索报告撰写摘要。事实如下："
    ),
    "The search began with a flat plate. Its lift over drag is {plate}.": (
        "搜索从一块平板开始，它的升阻比是 {plate}。"
    ),
    "It scored {candidates} candidates in {cpu_s} seconds of processor time.": (
        "搜索在 {cpu_s} 秒处理器时间内评判了 {candidates} 个候选。"
    ),
    "No section was found that holds.": "没有找到站得住的翼型。",
    "The section that was found has a lift over drag of {found}.": "找到的翼型，升阻比是 {found}。",
    "That is the word of a surrogate, NeuralFoil. Nothing was measured in a wind tunnel.": (
        "这是代理模型 NeuralFoil 的说法，没有做过风洞测量。"
    ),
    "XFOIL, a second solver, says so. Nothing was measured in a wind tunnel.": (
        "这是第二个求解器 XFOIL 的结论，没有做过风洞测量。"
    ),
    "The best section of a catalogue has {catalogue}; the new one gains {gain_percent} %.": (
        "翼型目录中最好的是 {catalogue}；新的翼型提高了 {gain_percent} %。"
    ),
    "In other air, which the search had not seen, it has {holdout}.": (
        "在搜索没有见过的气流条件下，它的升阻比是 {holdout}。"
    ),
    "Write one paragraph of 3 to 5 plain sentences for the founder: how the search began, how it was done, what "
    "was found, and how far to believe it. Use only these facts and no other numbers.": (
        "请用中文为创始人写一段话，3 到 5 个简单的句子：搜索如何开始，怎样进行，找到了什么，可信到什么程度。"
        "只用上面的事实，不要用别的数字。"
    ),
    "none was wanted": "本次不需要",
    "the model gave no answer within {seconds} s": "模型在 {seconds} 秒内没有回答",
    "the model answered without a word": "模型的回答没有内容",
    # at the terminal
    "Searching for a wing section, from a flat plate: {seconds} s of processor time, {workers} at work.": (
        "从一块平板开始搜索翼型：{seconds} 秒处理器时间，{workers} 个工作进程。"
    ),
    "NeuralFoil's networks guess, XFOIL has the last word.": "NeuralFoil 的网络先估计，XFOIL 作最后判断。",
    "There is no XFOIL here (apt-get install xfoil): the claim will be [bold]surrogate only[/bold].": (
        "这里没有 XFOIL（apt-get install xfoil）：结论将[bold]仅为代理模型[/bold]。"
    ),
    "In the middle the engine is killed with -9 and started again.": "中途引擎会被 kill -9 杀死，再重新启动。",
    "The summary will be written by a small model on this machine, {name}.": "摘要将由本机上的小模型 {name} 撰写。",
    "Its weights ({megabytes} MB, licence {licence}) are pulled meanwhile, to stay in {folder}; --no-model does "
    "without.": (
        "它的权重（{megabytes} MB，许可证 {licence}）在搜索期间下载，保存在 {folder}；用 --no-model 可以不下载。"
    ),
    "a flat plate": "一块平板",
    "the model's weights": "模型权重",
    "lift over drag {value}": "升阻比 {value}",
    "{count} candidates": "{count} 个候选",
    "summing up": "撰写摘要",
    "The search has ended; the weights have {seconds} s left to come ({there} of {total} MB are here).": (
        "搜索已结束；权重还有 {seconds} 秒可以到达（已有 {there}/{total} MB）。"
    ),
    "type a number and Enter": "键入数字并回车",
    "nobody is at the keyboard": "键盘前没有人",
    "; in {seconds} s the first is taken": "；{seconds} 秒后取第一项",
    "A question:": "一个问题：",
    "The question still stands:": "问题仍待回答：",
    "keep it in quarantine": "继续隔离",
    "believe it": "相信它",
    "taken: {option}": "已采纳：{option}",
    "{kill} of process {pid} at {share} of the search. Starting again.": (
        "{kill} 杀死进程 {pid}，搜索已进行 {share}。重新启动。"
    ),
    "{labels}; in {seconds} s": "{labels}；用时 {seconds} 秒",
    "candidates recorded before the kill": "杀死之前已记录的候选",
    "of them lost": "其中丢失",
    "of them changed by a byte": "其中有字节改变",
    "steps with two results": "有两个结果的步骤",
    "orders without a report at the kill, carried out after it": "杀死时尚无报告、之后完成的工作",
    "candidates in all": "候选总数",
    "The report:": "报告：",
    "What to try next": "接下来可以",
    "open the report in a browser: what was found, and how far to believe it": (
        "在浏览器中打开报告：找到了什么，可信到什么程度"
    ),
    "read examples/lab/wing.py: the question, and who judges the answers": (
        "阅读 examples/lab/wing.py：问题是什么，由谁评判"
    ),
    "firm lab examples/lab/wing.py --set thickness=0.15: the same for a thicker wing": (
        "firm lab examples/lab/wing.py --set thickness=0.15：换一个更厚的机翼"
    ),
}
"""English to Chinese, in simplified characters."""

LANGUAGES: dict[str, dict[str, str] | None] = {"en": None, "zh": CHINESE}
"""Tables by their language tag; English needs none."""


@dataclass(frozen=True, slots=True)
class Say:
    """Says an English phrase in a language."""

    language: str

    def __call__(self, phrase: str, **values: object) -> str:
        """The phrase with its values filled in; a KeyError if the language lacks it."""
        table = LANGUAGES[self.language]
        return (phrase if table is None else table[phrase]).format(**values)

    def sentences(self, *said: str) -> str:
        """Sentences after one another; Chinese ones have no space between them."""
        return ("" if self.language == "zh" else " ").join(one for one in said if one)


def words(language: str) -> Say:
    """What says everything in a language.

    Raises:
        ValueError: there is no such language here.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r}: this demo speaks {', '.join(LANGUAGES)}")
    return Say(language)
