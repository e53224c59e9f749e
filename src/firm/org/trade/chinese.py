"""What an order says to its customer, in simplified Chinese: data.

One rule: the keys are the English phrases as they stand where they are used, placeholders and all.
"""

CHINESE: dict[str, str] = {
    "it was cancelled": "订单已取消",
    "the customer cancelled it": "客户取消了订单",
    "the order is empty; say what you want": "订单是空的；请说明您需要什么",
    "the order has {count} characters, and at most {most} are read; shorten it": (
        "订单有 {count} 个字符，最多读取 {most} 个；请缩短"
    ),
    "nothing can be ordered here yet": "这里还没有可以订购的产品",
    "there is no product {name!r}; there is: {known}": "没有产品 {name!r}；可订购的有：{known}",
    "this is nothing that can be ordered here; there is: {offered}": "这里无法订购此项；可订购的有：{offered}",
    "your budget is {budget:.2f} USD, and the least price of {product} is {least:.2f} USD": (
        "您的预算是 {budget:.2f} 美元，而 {product} 的最低价格是 {least:.2f} 美元"
    ),
    "it asks for what cannot be made; possible is {ranges}": "所要求的无法制作；可行的范围是 {ranges}",
    "after {count} questions it is still open: {left}": "询问 {count} 次之后仍不明确：{left}",
    "you say different things: {said}": "您的说法不一致：{said}",
    "nobody answered in time; order again": "未在期限内答复；请重新下单",
    "it would take {cost:.2f} USD of work, and one order may take {most:.2f}": (
        "这项工作需要 {cost:.2f} 美元，而每份订单最多 {most:.2f} 美元"
    ),
    "this is above your budget of {budget:.2f} USD": "这超出了您 {budget:.2f} 美元的预算",
    "the work was not accepted": "工作未通过验收",
    "only a part was accepted, and nothing is charged: {why}": "只有一部分通过验收，不收费：{why}",
    "the median of {count} earlier orders": "此前 {count} 份订单的中位数",
    "the product's own figures, since {count} orders were delivered yet": (
        "产品自带的数据（目前只交付了 {count} 份订单）"
    ),
    "models, about {tokens} tokens": "模型，约 {tokens} 个词元",
    "{seconds} s of a processor at {rate:g} USD an hour": "处理器 {seconds} 秒，每小时 {rate:g} 美元",
    "customer": "客户",
    "processors of the firm": "本公司的处理器",
    "up to the least price": "补足最低价格",
    "beyond the quote, borne by the firm": "超出报价部分，由本公司承担",
    "Invoice {number}": "发票 {number}",
    "total": "合计",
    "quoted: {usd} USD; the total is never higher": "报价：{usd} 美元；合计不会高于报价",
    "for {customer}": "客户：{customer}",
    "order {order}, {product}": "订单 {order}，{product}",
}
