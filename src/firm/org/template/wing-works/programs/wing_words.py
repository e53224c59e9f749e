"""What the wing works say, in Chinese: data, and one function that looks it up.

One rule: the English words stand where they are used, and are the key; a phrase that is missing here is an error.
"""

from firm.org.words import LANGUAGES, Say

CHINESE = {
    # conditions
    "Reynolds number {reynolds}, at least {thickness} % thick, pitching moment at least {moment}.": (
        "雷诺数 {reynolds}，厚度至少 {thickness} %，俯仰力矩系数不低于 {moment}。"
    ),
    "Lift coefficient at least {lift} where it glides best.": "在最佳滑翔处升力系数至少 {lift}。",
    "{hands} hands look at once; then the lab searches for {search_s} processor seconds, and {more_s} more for "
    "a section {sturdier} % thick.": (
        "{hands} 个助手同时寻找；然后实验室搜索 {search_s} 秒处理器时间，再用 {more_s} 秒寻找厚 {sturdier} % 的翼型。"
    ),
    # exploring and criticism
    "{hands} hands looked at once, and believe in a lift over drag of up to {best}. The lab's search then scored "
    "{evaluations} sections. All in all it took {cpu_s} s of processor time. {count} candidates go to the critic.": (
        "{hands} 个助手同时寻找，相信升阻比可达 {best}。随后实验室的搜索评判了 {evaluations} 个翼型。"
        "总共用了 {cpu_s} 秒处理器时间。{count} 个候选交给评审。"
    ),
    "There is no second solver here ({why}): all figures are a surrogate's word.": (
        "这里没有第二个求解器（{why}）：所有数字只是代理模型的说法。"
    ),
    "Thrown out: {id}. Its network believed in a lift over drag of {believed}; XFOIL says {glide}.": (
        "淘汰：{id}。它的网络相信升阻比为 {believed}，XFOIL 说是 {glide}。"
    ),
    "No leader of the hands was false.": "助手们最看好的候选没有一个是假的。",
    "Thrown out too: {listed}.": "同样淘汰：{listed}。",
    "Kept: {kept}.": "保留：{kept}。",
    "it holds, and a finalist glides better or is thicker": "它站得住，但入围者滑翔更好或更厚",
    "{missing} of {all} sweeps of XFOIL did not converge": "XFOIL 的 {all} 次扫掠中有 {missing} 次没有收敛",
    "the sweeps of XFOIL differ: {glides}": "XFOIL 的各次扫掠不一致：{glides}",
    "believed at {believed}, over the catalogue's {beat}; XFOIL says {glide}": (
        "据信为 {believed}，高于目录中的 {beat}；XFOIL 说是 {glide}"
    ),
    "only one small network believes in it, and nothing here can check that": (
        "只有一个小网络相信它，而这里无法核对"
    ),
    "believed at {believed}; XFOIL says {glide}": "据信为 {believed}；XFOIL 说是 {glide}",
    "its {what} is {value}, and {limit} is the limit": "它的{what}是 {value}，而限值是 {limit}",
    # the choice
    "Two sections hold. Lengths are for a chord of {chord} mm.": "有两个翼型站得住。长度按弦长 {chord} 毫米计算。",
    "Only one section holds, so there is nothing to choose; either answer delivers it.": (
        "只有一个翼型站得住，没有什么可选；两种回答都会交付它。"
    ),
    "glide: {id}": "glide（滑翔）：{id}",
    "spar: {id}": "spar（翼梁）：{id}",
    "lift over drag {glide}, {thickness} % thick, {spar} mm for the spar, most lift {most_lift}": (
        "升阻比 {glide}，厚 {thickness} %，翼梁处高 {spar} 毫米，最大升力系数 {most_lift}"
    ),
    "{share} % of its lift is gone two degrees past the stall (XFOIL is weak there)": (
        "失速后两度失去 {share} % 的升力（XFOIL 在此处不太可靠）"
    ),
    "For {less} % of the glide the same spar caps are {stiffer} % stiffer in bending.": (
        "放弃 {less} % 的升阻比，同样的翼梁缘条抗弯刚度提高 {stiffer} %。"
    ),
    "Can be changed later: the other section is kept.": "以后可以更改：另一个翼型会保留。",
    # the letter
    "Your wing section": "您的翼型",
    "You asked for: {asked}": "您要求的是：{asked}",
    "You get {id}: lift over drag {glide} at {angle}°, {thickness} % thick, {spar} mm high where the spar stands.": (
        "您得到 {id}：在 {angle}° 时升阻比 {glide}，厚 {thickness} %，翼梁处高 {spar} 毫米。"
    ),
    "That is {gain} % over {beat}, the best of a catalogue of 2,174 sections, flown the same way.": (
        "这比以同样方式计算的 2174 个翼型目录中最好的 {beat} 高 {gain} %。"
    ),
    "The catalogue was not searched under your conditions, so there is no figure to compare with.": (
        "目录没有按您的条件搜索过，因此没有可比较的数字。"
    ),
    "In other air (20 % slower, 20 % faster, dirtier), which the search had not seen, it has {holdout} on average.": (
        "在搜索没有见过的气流中（慢 20 %、快 20 %、更不干净），它平均为 {holdout}。"
    ),
    "How far to believe it: XFOIL computed it in four sweeps that agree within 4 %. Nothing was measured in a wind "
    "tunnel.": "可信到什么程度：XFOIL 用四次扫掠计算，彼此相差不超过 4 %。没有做过风洞测量。",
    "How far to believe it: it is the word of a surrogate, for there was no second solver here. Expect less.": (
        "可信到什么程度：这只是代理模型的说法，因为这里没有第二个求解器。请预期更低。"
    ),
    "{count} other candidates were not delivered:": "另有 {count} 个候选没有交付：",
    "The founder's choice between the finalists: {choice}.": "创始人在两个入围翼型之间的选择：{choice}。",
    "The choice between the finalists, by default, as nobody answered: {choice}.": (
        "无人回答，按默认在两个入围翼型之间选择：{choice}。"
    ),
    # quality
    "candidates: {found}; judged: {judged}": "候选：{found}；有结论的：{judged}",
    "thrown out without a reason: {ids}": "没有理由就淘汰：{ids}",
    "{all} candidates: {kept} kept, {others} not, each with its reason": (
        "{all} 个候选：保留 {kept} 个，其余 {others} 个各有理由"
    ),
    "there is no {name}": "没有 {name}",
    "{name}: {points} points, {thick} % thick": "{name}：{points} 个点，厚 {thick} %",
    "it was not flown: {why}": "没有计算：{why}",
    "{name}, flown again on {panels} panels: lift over drag {glide}, said were {said}": (
        "{name} 用 {panels} 个面元重新计算：升阻比 {glide}，所称为 {said}"
    ),
    # the data sheet
    "Data sheet": "数据表",
    "lift over drag": "升阻比",
    "angle of attack": "迎角",
    "thickness": "厚度",
    "height at the spar (30 % of the chord)": "翼梁处高度（弦长的 30 %）",
    "pitching moment": "俯仰力矩系数",
    "lift coefficient": "升力系数",
    "most lift": "最大升力系数",
    "Reynolds number": "雷诺数",
    "chord": "弦长",
    "believed by the finder": "寻找者相信的值",
    "Lift over drag by lift coefficient": "升阻比随升力系数的变化",
}
"""English to Chinese, in simplified characters."""


def words(language: str) -> Say:
    """What says everything in a language: 'en' or 'zh'; English in any other."""
    return Say(language if language in LANGUAGES else "en", CHINESE)
