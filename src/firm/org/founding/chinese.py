"""What ABOUT.md says, in Chinese.

One rule: each key is an English phrase of `about.py`, word for word.
"""

CHINESE: dict[str, str] = {
    "Written from this firm's files. `firm doctor` says when they have changed since.": (
        "本页由这家公司的文件写成；文件改动之后，`firm doctor` 会提醒。"
    ),
    "What it will do": "它会做什么",
    "What it may do": "它可以做什么",
    "What it will cost": "它会花多少钱",
    "The chief plans a mission: by its model where that is a strong one, else by `workflows/main.toml`.": (
        "任务由主管（chief）规划：模型够强时由模型规划，否则按 `workflows/main.toml`。"
    ),
    "The chief's model plans a mission.": "任务由主管（chief）的模型规划。",
    "A mission is planned by `workflows/main.toml`.": "任务按 `workflows/main.toml` 规划。",
    "Nobody reports himself done: each result is checked by a program, or by somebody else than who made it.": (
        "没有人能自己宣布完成：每个结果都由程序检查，或由制作者以外的角色检查。"
    ),
    "While `firm up` runs, a briefing is written for you daily at {time}.": (
        "`firm up` 运行期间，每天 {time} 为您写一份简报。"
    ),
    "role": "角色",
    "held by": "由谁担任",
    "reports to": "向谁汇报",
    "what for": "职责",
    "you": "您",
    "a model": "模型",
    "a program": "程序",
    "a person": "人",
    "the unit {unit}": "部门 {unit}",
    "These missions begin by themselves, while `firm up` runs:": "`firm up` 运行期间，下列任务会自行开始：",
    "Nothing begins by itself: each mission is one that you give.": (
        "没有任何事会自行开始：每个任务都由您下达。"
    ),
    "Customers can order: {names}.": "客户可以订购：{names}。",
    "The bet: {bet}": "押注：{bet}",
    "It is lost if: {wrong_if}": "若出现以下情况则押错：{wrong_if}",
    "To be known by day {days}.": "第 {days} 天见分晓。",
    "Tools, and the gravest that each group can do:": "各角色的工具，以及每组工具最重的风险：",
    "No other role has tools: what it is handed it reads, and what it makes it hands over.": (
        "其他角色没有工具：只读交给它的东西，只交出它做的东西。"
    ),
    "No role has tools: what it is handed it reads, and what it makes it hands over.": (
        "没有角色有工具：只读交给它的东西，只交出它做的东西。"
    ),
    "firm.toml says:": "firm.toml 规定：",
    "What sends something out, or spends, and is allowed by no rule is put to you first. What cannot be "
    "taken back is never decided by default.": (
        "凡是对外发送或花钱、又没有规则允许的事，都先问您。不能撤回的事，绝不按默认值决定。"
    ),
    "use {name}": "使用 {name}",
    "read and write files in its own folder": "读写自己文件夹里的文件",
    "run programs in a box without network": "在没有网络的沙箱里运行程序",
    "look at and commit to the repository in its folder": "查看并提交自己文件夹里的代码仓库",
    "search the web and read pages": "搜索网络、阅读网页",
    "call the addresses that [[egress]] of firm.toml opens": "访问 firm.toml 的 [[egress]] 开放的地址",
    "read and change databases in its folder": "读取和修改自己文件夹里的数据库",
    "ask you": "向您提问",
    "look at the clock and wait": "看时间、等待",
    "keep notes for itself": "给自己记笔记",
    "changes nothing outside": "不改变外界",
    "only reads": "只读",
    "writes": "写入",
    "sends something out": "对外发送",
    "spends money": "花钱",
    "allowed": "允许",
    "you are asked first": "先问您",
    "denied": "禁止",
    "A mission takes at most {usd} USD, where you say nothing else.": (
        "如无另行说明，一个任务最多花 {usd} 美元。"
    ),
    "The tasks of `workflows/main.toml` may take {usd} USD together.": (
        "`workflows/main.toml` 的各项任务合计最多花 {usd} 美元。"
    ),
    "A plan that may take more than {usd} USD is put to you before it begins.": (
        "可能超过 {usd} 美元的计划，开始前先请您批准。"
    ),
    "An order takes at most {usd} USD.": "一份订单最多花 {usd} 美元。",
    "[budget] of firm.toml: {key} = {value}.": "firm.toml 的 [budget]：{key} = {value}。",
    "firm.toml sets no [budget]: nothing bounds all missions of a day together.": (
        "firm.toml 没有设 [budget]：一天之内全部任务的总花费没有上限。"
    ),
    "Between missions it costs nothing: no model is called, and nothing is looked at until the next is due.": (
        "任务之间不花一分钱：不调用模型，下一次到期之前什么也不看。"
    ),
    "Models that run on this machine, or on yours, are counted in tokens; without a price in firm.toml they "
    "are unpriced.": ("在本机或您自己的机器上运行的模型按词元计数；firm.toml 没有给出价格时，不计价。"),
}
