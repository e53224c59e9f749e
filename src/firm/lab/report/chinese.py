"""The words of a report in simplified Chinese: data.

One rule: the keys are the English phrases as they stand where they are used, placeholders and all.
"""

CHINESE: dict[str, str] = {
    ", ": "，",
    ".": "。",
    ":": "：",
    # labels and the claim
    "exact": "精确",
    "second solver": "第二求解器",
    "surrogate": "代理模型",
    "surrogate only": "仅为代理模型",
    "judged": "评判",
    "verified": "已验证",
    "provisional": "暂定",
    "found": "已找到",
    "unsure": "不确定",
    "nothing found": "未找到",
    "checked against the literature": "已与文献核对",
    "not checked against the literature": "未与文献核对",
    "proven by exact arithmetic": "由精确算术证明",
    "confirmed by a second solver": "由第二个求解器确认",
    "by the word of a surrogate only": "仅凭代理模型的说法",
    "by the opinion of a judge": "凭评判者的意见",
    "{claim}: {trust}.": "{claim}：{trust}。",
    "{trust}, and provisional": "{trust}，且为暂定",
    "{objective} {value} was found": "找到了 {objective} {value}",
    "no better than the best baseline ({name}: {value})": "不优于最好的基线（{name}：{value}）",
    "better than the best baseline ({name}: {value})": "优于最好的基线（{name}：{value}）",
    "worse than the best baseline ({name}: {value})": "劣于最好的基线（{name}：{value}）",
    "{share} better than the best baseline ({name}: {value})": "比最好的基线（{name}：{value}）好 {share}",
    "{share} worse than the best baseline ({name}: {value})": "比最好的基线（{name}：{value}）差 {share}",
    "level with the best that is known ({value})": "与已知最好值（{value}）持平",
    "better than the best that is known ({value})": "优于已知最好值（{value}）",
    "short of the best that is known ({value})": "不及已知最好值（{value}）",
    "{share} better than the best that is known ({value})": "比已知最好值（{value}）好 {share}",
    "{share} short of the best that is known ({value})": "比已知最好值（{value}）差 {share}",
    "No valid candidate was found; of {count} none could be scored at all.": (
        "没有找到有效的候选；{count} 个候选中没有一个能够评分。"
    ),
    "Nothing is claimed; {count} candidates are in quarantine, the first because {why}.": (
        "不作任何结论；有 {count} 个候选被隔离，第一个是因为 {why}。"
    ),
    "Nothing is claimed; {count} candidates seemed valid, and none that was tried again held.": (
        "不作任何结论；{count} 个候选看似有效，但重新检验过的没有一个成立。"
    ),
    "No valid candidate was found; the nearest missed “{constraint}” by {missed}.": (
        "没有找到有效的候选；最接近的一个在 {constraint} 上差 {missed}。"
    ),
    "No law was found for {quantity}: {why}.": "没有找到 {quantity} 的规律：{why}。",
    "No law was found that one can be sure of; the best guess is {quantity} = {law}: {why}.": (
        "没有找到可以确信的规律；最好的猜测是 {quantity} = {law}：{why}。"
    ),
    "{quantity} = {law} holds for {domain}: {why}.": "{quantity} = {law}，适用于 {domain}：{why}。",
    "{quantity} = {law} holds where it was tried: {why}.": "{quantity} = {law}，在试过的范围内成立：{why}。",
    # the first screen
    "best baseline": "最好的基线",
    "best known": "已知最好值",
    "experiments": "实验",
    "candidates": "候选",
    "processor time": "处理器时间",
    "money": "费用",
    "it was not scored again by what verifies": "没有由验证阶段重新评分",
    "Provisional: {why}.": "暂定：{why}。",
    "The score does not depend on {names}; something may not be looked at.": (
        "分数与 {names} 无关；可能有什么没有被检查。"
    ),
    "Set aside as too good to be true, and not counted: {count}.": "好得不可信而搁置、不计入的：{count} 个。",
    "Its evaluator was changed on the way ({count} times); see the hashes.": (
        "评估程序在途中被更改过（{count} 次）；见哈希值。"
    ),
    "How to make it again": "如何重现",
    "With this many evaluations and one worker the same candidates come again.": (
        "用这么多次评估和一个工作进程，会再次得到同样的候选。"
    ),
    "A limit of time ends where the machine has got to, so the last digits may differ; "
    "with --evaluations and --workers 1 the same candidates come again.": (
        "时间限制到时，机器算到哪里就停在哪里，所以末几位数字可能不同；"
        "用 --evaluations 和 --workers 1 会再次得到同样的候选。"
    ),
    "With this many experiments the same ones are made again.": "用这么多次实验，会再次做同样的实验。",
    "The file's hash is at the end of this page.": "文件的哈希值在本页末尾。",
    "There is no winner to show.": "没有可展示的优胜者。",
    "The nearest miss": "最接近的一个",
    "The winner": "优胜者",
    "the winner": "优胜者",
    "The artifact": "成果",
    "stage {name}": "阶段 {name}",
    "verified by {name}": "由 {name} 验证",
    "hold-out, scored once: {name}": "保留测试，只评一次：{name}",
    "{name} is met by": "{name} 的余量",
    "The {objective} is noisy: {low} to {high} ({share} interval, {draws} draws).": (
        "{objective} 有噪声：{low} 到 {high}（{share} 区间，{draws} 次抽样）。"
    ),
    # against what there was
    "Against what there was": "与已有结果相比",
    "Against what was known": "与已知相比",
    "this search": "本次搜索",
    "this search is better by": "本次搜索好",
    "hold-out": "保留测试",
    "cost": "代价",
    "source": "来源",
    "nothing valid": "没有有效的",
    "equal cost": "同等代价",
    "level": "持平",
    "proven bound": "已证明的界",
    "{source} (looked up {date})": "{source}（查于 {date}）",
    "No other search was given the same cost: --against chance does that.": (
        "没有给别的搜索同等的代价：用 --against chance。"
    ),
    "Not checked against the literature.": "未与文献核对。",
    "Checked against the literature by {who} on {when}.": "{who} 于 {when} 与文献核对过。",
    # progress
    "Progress over cost": "进展与代价",
    "Nothing valid was found, so nothing rose.": "没有找到有效的，所以没有进展。",
    "processor time, s": "处理器时间，秒",
    "{objective}, best so far": "{objective}，迄今最好",
    "{up} against {across}": "{up}随{across}的变化",
    "{count} improvements; the last after {cost}.": "改进 {count} 次；最后一次在 {cost} 时。",
    "Ended by {what}.": "结束原因：{what}。",
    "its limit of {limit}": "{limit}用完",
    "time": "时间",
    "GPU time": "GPU 时间",
    "evaluations": "评估次数",
    "tokens": "词元",
    "the founder": "创始人",
    "having nothing left to try": "没有可再试的",
    "reaching the proven bound": "达到了已证明的界限",
    "reaching what was wanted": "达到了目标",
    "The horizontal axis is logarithmic.": "横轴为对数。",
    "The first values lie outside of the picture.": "最初的值在图外。",
    "The hollow circle is another search at equal cost.": "空心圆是同等代价的另一个搜索。",
    # archive
    "Archive": "档案",
    "Nothing is kept in the archive.": "档案中什么也没有。",
    "The problem names no behaviours, so there is no map.": "问题没有指定行为特征，所以没有分布图。",
    "The problem names no behaviours; the {count} best that differ were kept.": (
        "问题没有指定行为特征；保留了互不相同的 {count} 个最好的。"
    ),
    "{filled} of {total} cells hold a candidate ({share}); a fuller colour is better.": (
        "{total} 格中有 {filled} 格有候选（{share}）；颜色越深越好。"
    ),
    "Drawn over the first two of {count} behaviours, the best of each.": (
        "按 {count} 个行为特征中的前两个绘制，取每格最好的。"
    ),
    "the best {objective} by {across} and {up}": "按 {across} 和 {up} 的最好 {objective}",
    "the best {objective} by {across}": "按 {across} 的最好 {objective}",
    "Not beaten in all objectives at once: {count}.": "没有在所有目标上同时被超过的：{count} 个。",
    "max": "越大越好",
    "min": "越小越好",
    # lineage
    "Lineage of the winner": "优胜者的谱系",
    "There is no winner, or it was made in one piece.": "没有优胜者，或者它是一次做成的。",
    "{count} generations, the oldest first.": "{count} 代，最早的在前。",
    "… {count} steps between": "…… 中间 {count} 步",
    "no value": "没有值",
    "what changed": "改变了什么",
    "The same text.": "文字相同。",
    "… and {count} more lines": "…… 还有 {count} 行",
    "The same numbers.": "数字相同。",
    "{count} of {total} numbers changed": "{total} 个数字中改变了 {count} 个",
    "; these the most:": "；其中变化最大的：",
    # proposers and stages
    "Who proposed": "由谁提出",
    "No proposer was paid.": "没有提议者得到预算。",
    "arm": "臂",
    "model": "模型",
    "bursts": "批次",
    "valid": "有效",
    "gain": "增益",
    "best": "最好",
    "Gain: by how much it moved the best value of the search, in all.": "增益：它总共把搜索的最好值推进了多少。",
    "Stages and inflation": "阶段与虚高",
    "No stage scored anything.": "没有阶段评过分。",
    "stage": "阶段",
    "trust": "可信度",
    "scored": "已评分",
    "cost each": "单个代价",
    "goes on": "进入下一阶段",
    "rank correlation": "秩相关",
    "inflation": "虚高",
    "audits": "抽查",
    "Rank correlation is with the next stage, over the number of candidates in brackets. Inflation is by how much "
    "a stage flatters what its gate chose, over a random few that it stopped and that went on all the same (audits); "
    "above 0 is too good. A dash: it cannot be told.": (
        "秩相关是与下一阶段的，括号中是候选数。虚高是该阶段对其选中者的高估，"
        "以随机放行的少数被拦下者（抽查）为参照；大于 0 表示过高。短横：无法判断。"
    ),
    # what came to nothing
    "Rejected and set aside": "淘汰与搁置",
    "others": "其他",
    "status": "状态",
    "why": "原因",
    "No candidate was rejected.": "没有候选被淘汰。",
    "Too good to be true": "好得不可信",
    "Nothing looked too good to be true.": "没有好得不可信的。",
    "The nearest to being valid missed {constraint} by {missed}.": "最接近有效的一个在 {constraint} 上差 {missed}。",
    "everything": "所有方面",
    "The founder: {answer}.": "创始人：{answer}。",
    "Nobody has decided yet.": "还没有人决定。",
    # seeds and forecast
    "Success over seeds": "不同种子的成功率",
    "One search was made, so it cannot be told how often it succeeds: --seeds 10 does that.": (
        "只做了一次搜索，无法判断成功的频率：用 --seeds 10。"
    ),
    "a valid candidate": "一个有效的候选",
    "{reached} of {count} searches reached {target}; the true share lies between {low} and {high} (95 % interval).": (
        "{count} 次搜索中有 {reached} 次达到 {target}；真实比例在 {low} 与 {high} 之间（95 % 区间）。"
    ),
    "seed": "种子",
    "reached": "达到",
    "yes": "是",
    "no": "否",
    "Forecast": "预测",
    "Nothing was found, so there is no curve to go on from.": "什么也没找到，所以没有可以延续的曲线。",
    "Gained would be {value}. Progress curves that bend by a power of cost are fitted to resampled histories of "
    "this search and carried on by chance; the interval holds {share} of them.": (
        "将得到 {value}。对本次搜索重抽样的历史拟合按代价幂次弯曲的进展曲线，再随机延续；区间包含其中的 {share}。"
    ),
    "The next {share}: {why} (at least {low}).": "再进 {share}：{why}（至少 {low}）。",
    "What the next {share} costs cannot be told: {why}.": "无法判断再进 {share} 的代价：{why}。",
    "The next {share} costs about {cost}, at least {low}; no upper end can be told.": (
        "再进 {share} 约需 {cost}，至少 {low}；上限无法判断。"
    ),
    "The next {share} costs about {cost} ({low} to {high}).": "再进 {share} 约需 {cost}（{low} 到 {high}）。",
    "the best value is 0, which has no share": "最好值为 0，没有百分比可言",
    "the proven bound leaves less than that": "已证明的界留下的余地不到这么多",
    "only {count} improvements are known, too few for a curve": "只有 {count} 次改进，不足以画出曲线",
    "the search was too short for a curve": "搜索太短，画不出曲线",
    "more than 100 times what was spent, if at all": "即使可能，也要超过已花费的 100 倍",
    "the curve has flattened; it may never come": "曲线已经变平；也许永远不会有",
    # the law
    "The law": "规律",
    "no law": "没有规律",
    "law": "规律",
    "verdict": "结论",
    "where it is claimed": "声称适用的范围",
    "where it was tried": "试过的范围",
    "error on what it was not fitted to": "在未参与拟合的数据上的误差",
    "{error} × the noise": "噪声的 {error} 倍",
    "noise of the box": "黑箱的噪声",
    "price of them": "实验的价格",
    "{quantity}, by the law": "{quantity}（按规律）",
    "{quantity}, by the box": "{quantity}（按黑箱）",
    "constant": "常数",
    "from": "从",
    "to": "到",
    "interval": "区间",
    "input": "输入",
    "inputs": "输入",
    "range": "范围",
    "range that was tried": "试过的范围",
    "matters": "有影响",
    "not found out": "未查明",
    "Nothing was tried to prove it wrong.": "没有尝试去证伪它。",
    "Hollow circles lie outside the range of the first experiments; each was predicted before it was made.": (
        "空心圆在最初实验的范围之外；每一个都是先预测、后进行的。"
    ),
    "{count} experiments were made to prove it wrong, {outside} of them outside the range it was fitted on; "
    "{held} came as predicted.": (
        "为证伪做了 {count} 次实验，其中 {outside} 次在拟合范围之外；{held} 次与预测相符。"
    ),
    "Attempts to prove it wrong": "证伪的尝试",
    "predicted": "预测",
    "seen": "所见",
    "outside": "范围之外",
    "held": "成立",
    "failed": "不成立",
    "No rival is listed.": "没有列出竞争的规律。",
    "Rivals": "竞争的规律",
    "error / noise": "误差 / 噪声",
    "behind by": "落后",
    "ruled out": "已排除",
    "still stands": "尚未排除",
    # the end
    "What was learnt": "学到了什么",
    "No note was kept.": "没有留下笔记。",
    "What it took": "花费",
    "workers: {count}": "工作进程：{count}",
    "Hashes": "哈希值",
    "evaluator": "评估程序",
    "all candidates ({count} blocks)": "全部候选（{count} 块）",
    "problem's file": "问题文件",
    "journal": "日志",
    "from block {number} on": "从第 {number} 块起",
    "Of the parts of this report": "本报告各部分的",
    "The hashes of the parts are SHA-256 over report.json: each key of its story as JSON with sorted keys, no "
    "spaces, UTF-8. Whole is the same of the whole story.": (
        "各部分的哈希值是对 report.json 的 SHA-256：其 story 的每个键写成键已排序、无空格、UTF-8 的 JSON。"
        "whole 是对整个 story 的同样计算。"
    ),
    "Run {run}, seed {seed}, made {when}.": "运行 {run}，种子 {seed}，作于 {when}。",
}
