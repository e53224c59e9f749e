"""What the demo says, in other languages: data, and one function that looks it up.

One rule: the English words stand where they are used, and are the key to the others; a phrase that is missing here is
an error, not English in the middle of another language.
"""

from dataclasses import dataclass

CHINESE = {
    # the report
    "surrogate only": "仅为代理模型",
    "A wing section": "一个翼型",
    "A wing section, from a flat plate": "从平板到翼型",
    "{hands} hands searched {rounds} rounds for the most lift per drag at a Reynolds number of one million;": (
        "{hands} 个帮手搜索了 {rounds} 轮，在一百万雷诺数下寻找最高的升阻比；"
    ),
    "every constraint is met.": "所有约束都已满足。",
    "not every constraint is met.": "并非所有约束都已满足。",
    "All numbers are NeuralFoil's. It imitates XFOIL; nothing here has been in a wind tunnel or in XFOIL itself, "
    "and the true figure is likely lower.": (
        "所有数字都出自 NeuralFoil。它模仿 XFOIL；这里没有任何结果经过风洞或 XFOIL 本身的检验，真实数值很可能更低。"
    ),
    "lift over drag, before": "升阻比，搜索前",
    "lift over drag, after": "升阻比，搜索后",
    "the founder's word": "创始人的选择",
    "best glide": "最佳滑翔",
    "fast cruise": "快速巡航",
    "gentle stall": "平缓失速",
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
    # before and after
    "Before and after": "搜索前后",
    "the section before and after, in true proportion": "搜索前后的翼型，真实比例",
    "flat plate, 2% thick: no lift at 0°, lift over drag {glide} at the best of angles, too thin to build": (
        "平板，厚 2%：0° 时没有升力，最佳迎角下升阻比 {glide}，薄得无法制造"
    ),
    "found, flies at {angle}°": "找到的翼型，飞行迎角 {angle}°",
    # constraints
    "Constraints": "约束",
    "wanted": "要求",
    "plate": "平板",
    "found": "找到的翼型",
    "verdict": "结论",
    "largest thickness": "最大厚度",
    "pitching moment": "俯仰力矩系数",
    "slimmest place": "最薄处厚度",
    "lift in the middle": "中间迎角的升力系数",
    "lift gained 6° above": "迎角再增 6° 的升力增量",
    "NeuralFoil's own confidence": "NeuralFoil 自评置信度",
    "{wanted} of chord": "{wanted} 弦长",
    "a wish: {wanted}": "期望：{wanted}",
    "met": "满足",
    "not met": "不满足",
    "below": "低于期望",
    "Moment and confidence are the worst of the three angles ({angles}).": (
        "力矩和置信度取三个迎角（{angles}）中最差的值。"
    ),
    # polars
    "Polars": "极曲线",
    "angle of attack, °": "迎角，°",
    "lift over drag": "升阻比",
    "lift coefficient": "升力系数",
    "drag coefficient": "阻力系数",
    "{up} against {across}": "{up}随{across}的变化",
    "flat plate": "平板",
    "found; dots are the three angles it is judged at; the dashed line is the limit of the moment": (
        "找到的翼型；圆点是评判所用的三个迎角；虚线是力矩的下限"
    ),
    # progress
    "Progress": "进展",
    "round": "轮次",
    "lift over drag, best so far": "迄今最好的升阻比",
    "{hands} hands in each round; a hand takes one section, tries {changes} changes of it and reports the best. "
    "The {rounds} rounds made {steps} recorded steps.": (
        "每轮有 {hands} 个帮手；每个帮手拿一个翼型，尝试 {changes} 次改动，报告其中最好的。"
        "{rounds} 轮共有 {steps} 个记录在案的步骤。"
    ),
    "A dot is a best section that met every constraint. These are the numbers of the search, which believes the "
    "worse word of two smaller networks and keeps a margin; the figure on top is the judge's.": (
        "圆点表示该轮最好的翼型满足所有约束。这里是搜索所用的数字：它取两个较小网络中较差的说法，并留有余量；"
        "页首的数字出自评判网络。"
    ),
    # how far to believe it
    "How far to believe it": "可信到什么程度",
    "network": "网络",
    "{model}, dirty nose": "{model}，前缘脏污",
    "A search on a surrogate finds the surrogate's mistakes.": "在代理模型上搜索，找到的是代理模型的错误。",
    "When this search believed one network alone, it found 185 where the three others said 150 to 155.": (
        "本搜索只信一个网络时找到了 185，而另外三个网络说是 150 到 155。"
    ),
    "NeuralFoil's own confidence does not protect.": "NeuralFoil 自评的置信度并不能保护你。",
    "It is {sure} here, and it is as high for sections that it overrates.": (
        "这里是 {sure}；对它高估的翼型，置信度同样高。"
    ),
    "That four networks agree is better than one network's word, but they learned from the same XFOIL runs.": (
        "四个网络意见一致胜过一个网络的说法，但它们学自同一批 XFOIL 计算。"
    ),
    "Much of the lift per drag is laminar flow. With dirt or rain on the nose (turbulent from {trip} of the chord "
    "on) {dirty} of {after} are left.": (
        "升阻比很大程度上来自层流。前缘有污物或雨水时（从弦长 {trip} 处起为湍流），{after} 只剩 {dirty}。"
    ),
    "Whether it stalls gently was not asked of it.": "没有要求它平缓失速。",
    "It is a section, not a wing: a wing of finite span adds induced drag.": (
        "这是翼型，不是机翼：有限翼展的机翼还有诱导阻力。"
    ),
    "Coordinates for XFOIL (.dat)": "供 XFOIL 使用的坐标（.dat）",
    "Reynolds number {reynolds}, free transition (n = 9), incompressible, lift over drag as the mean of three "
    "angles {apart}° apart, seed {seed}.": (
        "雷诺数 {reynolds}，自由转捩（n = 9），不可压缩，升阻比为相隔 {apart}° 的三个迎角的平均值，随机种子 {seed}。"
    ),
    # what the model is told, and why there is nothing of it
    "You write the summary of a report about a search for a wing section. The facts:": (
        "你要为一份翼型搜索报告撰写摘要。事实如下："
    ),
    "The search began with a flat plate. Its lift over drag was {before}.": (
        "搜索从一块平板开始，它的升阻比是 {before}。"
    ),
    "In each of {rounds} rounds {hands} hands at once tried changes.": (
        "共 {rounds} 轮，每轮有 {hands} 个帮手同时尝试改动。"
    ),
    "The founder was asked what matters most and chose: {aim}.": "创始人被问到最看重什么，选择了：{aim}。",
    "The best section that was found has a lift over drag of {after}.": "找到的最好的翼型，升阻比是 {after}。",
    "Every constraint is met.": "所有约束都已满足。",
    "Not every constraint is met.": "并非所有约束都已满足。",
    "The numbers are the word of a surrogate, NeuralFoil. Nothing was measured in a wind tunnel.": (
        "这些数字是代理模型 NeuralFoil 的说法，没有做过风洞测量。"
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
    "Designing a wing section: {hands} hands at once, {total} steps, judged by NeuralFoil ({label}).": (
        "设计翼型：{hands} 个帮手同时工作，共 {total} 步，由 NeuralFoil 评判（{label}）。"
    ),
    "In the middle the engine is killed with -9 and started again.": "中途引擎会被 kill -9 杀死，再重新启动。",
    "The summary will be written by a small model on this machine, {name}.": "摘要将由本机上的小模型 {name} 撰写。",
    "Its weights ({megabytes} MB, licence {licence}) are pulled meanwhile, to stay in {folder}; --no-model does "
    "without.": (
        "它的权重（{megabytes} MB，许可证 {licence}）在搜索期间下载，保存在 {folder}；用 --no-model 可以不下载。"
    ),
    "a flat plate": "一块平板",
    "the model's weights": "模型权重",
    "{done}/{total} steps": "{done}/{total} 步",
    "judging and summing up": "评判并撰写摘要",
    "The search has ended; the weights have {seconds} s left to come ({there} of {total} MB are here).": (
        "搜索已结束；权重还有 {seconds} 秒可以到达（已有 {there}/{total} MB）。"
    ),
    ", not yet within the constraints": "，尚未满足约束",
    "round {number}: {text}": "第 {number} 轮：{text}",
    "type a number and Enter": "键入数字并回车",
    "nobody is at the keyboard": "键盘前没有人",
    "; in {seconds} s the first is taken": "；{seconds} 秒后取第一项",
    "A question:": "一个问题：",
    "The question still stands:": "问题仍待回答：",
    "It flies. What should the second half of the search make of this wing?": (
        "它飞起来了。搜索的后半程应该把这个翼型做成什么样？"
    ),
    "taken: {option}": "已采纳：{option}",
    "{kill} of process {pid} after {done} steps, in the middle of round {round}. Starting again.": (
        "{kill} 杀死进程 {pid}，已完成 {done} 步，正在第 {round} 轮中间。重新启动。"
    ),
    "lift over drag 0 → {glide} (aim: {aim}; surrogate only), in {seconds} s": (
        "升阻比 0 → {glide}（目标：{aim}；仅为代理模型），用时 {seconds} 秒"
    ),
    "results recorded before the kill": "杀死之前已记录的结果",
    "steps lost": "丢失的步骤",
    "steps repeated whose result was known": "结果已知却重复的步骤",
    "steps in the air at the kill, done again": "杀死时进行中、已重做的步骤",
    "The report:": "报告：",
    "What to try next": "接下来可以",
    "open the report in a browser: what it believes, and how far to believe it": (
        "在浏览器中打开报告：它相信什么，可信到什么程度"
    ),
    "run the demo again and answer the question yourself with 2 or 3": "再运行一次，亲自用 2 或 3 回答问题",
    "read examples/wing/wing.py: the search is an ordinary async def, and survives": (
        "阅读 examples/wing/wing.py：搜索只是普通的 async def，却能从崩溃中恢复"
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
