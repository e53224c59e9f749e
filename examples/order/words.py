"""What the demo says, in Chinese: data.

One rule: the English words stand where they are used, and are the key; a phrase that is missing here is an error.
"""

CHINESE = {
    # who and how
    "": "",
    "founder": "创始人",
    "customer": "客户",
    "clerk": "接单员",
    "office": "办公室",
    "chief": "主管",
    "desk": "专家席",
    "the demo": "演示程序",
    "aerodynamicist": "空气动力师",
    "explorer": "探索者",
    "critic": "评审",
    "engineer": "工程师",
    "draughtsman": "制图员",
    "writer": "撰写员",
    "program": "程序",
    "template": "模板",
    "person": "人",
    "model": "模型",
    "default": "默认",
    "built-in checks": "内置检查",
    "experts": "专家",
    "asks no model: {why}": "不使用模型：{why}",
    "takes the model in the box, {name}, on this machine": "使用自带的模型 {name}，运行于本机",
    "conditions can be flown": "条件可以计算",
    "everybody is judged": "每个候选都有结论",
    "file flies": "文件重新计算",
    # the order
    "founds {name} from a template: {roles} roles, {products} product": (
        "用模板建立公司 {name}：{roles} 个角色，{products} 种产品"
    ),
    "asks the customer: {question}": "询问客户：{question}",
    "reads in the order: {what}": "从订单中读出：{what}",
    "takes as the product has it: {what}": "按产品默认值：{what}",
    "no model has read it: {why}": "没有模型读过它：{why}",
    "quotes [bold]{usd} USD[/bold], never more: {parts}, and {markup} % on it": (
        "报价 [bold]{usd} 美元[/bold]，不会更高：{parts}，外加 {markup} %"
    ),
    "assumes": "假设",
    "confirms the price": "确认价格",
    "writes invoice {number}: {usd} USD": "开出发票 {number}：{usd} 美元",
    "refused": "已拒绝",
    "not delivered": "未交付",
    "cancelled": "已取消",
    "expired": "已过期",
    "delivered": "已交付",
    "skipped": "已跳过",
    "Reynolds number": "雷诺数",
    "least thickness": "最小厚度",
    "least pitching moment": "最小俯仰力矩系数",
    "least lift coefficient": "最小升力系数",
    "chord": "弦长",
    # the work
    "plans {count} tasks: {names}": "计划了 {count} 项任务：{names}",
    "sends {count} hands at once, each from a flat plate uphill on a small network": (
        "同时派出 {count} 个助手，各自从平板出发，在小网络上寻优"
    ),
    "{hands} of {of} hands": "{hands}/{of} 个助手",
    "has the lab search on from the best of them": "让实验室从其中最好的继续搜索",
    "has the lab search for a thicker one, so that there is a choice": "让实验室再搜索更厚的翼型，以便选择",
    "{count} sections, lift over drag {best}": "{count} 个翼型，升阻比 {best}",
    "{count} sections scored; the best has a lift over drag of {best}, as XFOIL sees it in the search": (
        "评判了 {count} 个翼型；按搜索中的 XFOIL，最好的升阻比为 {best}"
    ),
    "checked": "已核对",
    "draws {files}": "绘制 {files}",
    "writes the letter to the customer": "给客户写信",
    "[bold]kill -9[/bold] of process {pid}, {hands} of {of} hands in. Started again.": (
        "[bold]kill -9[/bold] 杀死进程 {pid}，{of} 个助手中 {hands} 个已完成。重新启动。"
    ),
    # the close call
    "expert for {field} has no opinion: {why}": "专家 {field} 没有意见：{why}",
    "expert for {field} is for {choice} ({sure} % sure): {reason}": (
        "专家 {field} 主张 {choice}（把握 {sure} %）：{reason}"
    ),
    "Only you can decide: which of the two is delivered?": "只有您能决定：交付两个中的哪一个？",
    "type a number and Enter": "键入数字并回车",
    "nobody is at the keyboard": "键盘前没有人",
    "; in {seconds} s it is {default}": "；{seconds} 秒后为 {default}",
    "nobody answered: [bold]{choice}[/bold], the default": "无人回答：按默认 [bold]{choice}[/bold]",
    "decides: [bold]{choice}[/bold]": "决定：[bold]{choice}[/bold]",
    "glide": "滑翔（glide）",
    "spar": "翼梁（spar）",
    # the end
    "Who did what": "谁做了什么",
    "Killed with -9 and started again": "被 kill -9 杀死并重新启动",
    "The money": "账目",
    "each value stands in the words": "每个值都出自客户原话",
    "results recorded before the kill": "杀死之前已记录的结果",
    "of them lost": "其中丢失",
    "of them changed": "其中改变",
    "done twice": "重复执行",
    "results recorded at the end": "结束时记录的结果",
    "invoices written": "开出的发票",
    "quoted": "报价",
    "invoice {number}": "发票 {number}",
    "cost of {product}": "{product} 的成本",
    "profit of {product}": "{product} 的利润",
    "balances": "平衡",
    "empty: no model was paid": "空：没有为模型付费",
    "does NOT balance": "不平衡",
    "ledger: {accounts} accounts, {calls} calls, {tokens} tokens": (
        "账本：{accounts} 个账户，{calls} 次调用，{tokens} 个词元"
    ),
    "What the model added": "模型贡献了什么",
    "nothing": "无",
    "Nothing: no model was asked. The customer was asked for what a program could not read: {asked}.": (
        "没有：没有使用模型。程序读不出的内容向客户询问了：{asked}。"
    ),
    "It read {count} of {all} values out of the customer's words.": "它从客户的话中读出了 {all} 个值中的 {count} 个。",
    "Without it he would have been asked for {alone}; a program reads the rest.": (
        "没有它，就要向客户询问{alone}；其余的程序也能读出。"
    ),
    "A program reads all of them too, so it added nothing there.": "这些程序也都能读出，因此它在这里没有增加什么。",
    "Its opinion on the close call decided nothing.": "它对选择的意见没有决定任何事。",
    "Every figure of the wing comes from programs.": "翼型的所有数字都来自程序。",
    "Delivered in {seconds} s": "{seconds} 秒内交付",
    "Your turn": "轮到您了",
    "what should exist, in a sentence": "用一句话说出想要什么",
    "your mission": "您的任务",
    "what is to be mended": "需要修复什么",
    "your-repository": "您的代码库",
    "with a key or a GPU of yours, or a stronger model on this machine: docs/models.md": (
        "使用您的密钥或 GPU，或本机上更强的模型：docs/models.md"
    ),
    "none was wanted": "本次不需要",
    "the model's weights, once for this machine": "模型权重，本机只需下载一次",
}
"""English to Chinese, in simplified characters."""
