"""The words of checks in simplified Chinese: data.

One rule: the keys are the English phrases as they stand where they are used, placeholders and all.
"""

CHINESE: dict[str, str] = {
    "it is empty": "内容是空的",
    "{count} characters": "{count} 个字符",
    "it has {count} words; at least {least} are wanted": "共 {count} 个字词；至少要 {least} 个",
    "it has {count} words; at most {most} are wanted": "共 {count} 个字词；至多 {most} 个",
    "{count} words": "{count} 个字词",
    "it does not mention {what}": "没有提到 {what}",
    "mentions {what}": "提到了 {what}",
    "it mentions none of {what}": "{what} 一个都没有提到",
    "nothing stands at {place}, so nothing could be mentioned": "{place} 处没有内容，无从核对是否提到",
    "it does not mention {count} of the {all} at {place}: {what}": "{place} 的 {all} 项中有 {count} 项没有提到：{what}",
    "mentions all {all} at {place}": "{place} 的 {all} 项都提到了",
    "it mentions {what}, which it must not": "提到了不该提的 {what}",
    "does not mention {what}": "没有提到 {what}",
    "it has no heading {what}; write “## …”": "缺少标题 {what}；请写成“## …”",
    "has the headings {what}": "有标题 {what}",
    "it says “{said}”; one of {what} is wanted": "写的是“{said}”；应为 {what} 之一",
    "says “{said}”": "写的是“{said}”",
    "it was left unfinished at {what}": "还有没写完的地方：{what}",
    "no placeholder": "没有占位文字",
    "it is written in {found}; {wanted} is wanted": "写作语言是 {found}；应为 {wanted}",
    "written in {found}": "写作语言是 {found}",
    "it is a copy of {name}": "与 {name} 完全相同",
    "no copy of {name}": "不是 {name} 的照抄",
    "it quotes nothing from {names}; quote word for word, in “…” or on lines with >": (
        "没有引用 {names} 的原文；请逐字引用，放在“…”里或以 > 开头的行里"
    ),
    "{count} of {all} quotations do not stand word for word in {names}: {what}": (
        "{all} 处引文中有 {count} 处在 {names} 里找不到原文：{what}"
    ),
    "all {all} quotations stand word for word in {names}": "{all} 处引文在 {names} 里都有原文",
    "it is no JSON": "不是 JSON",
    "JSON with {count} entries": "JSON，共 {count} 项",
    "JSON: {value}": "JSON：{value}",
    "it does not fit the schema: {why}": "不符合模式：{why}",
    "fits the schema": "符合模式",
    "its JSON lacks {what}": "JSON 里缺少 {what}",
    "its JSON has {what}": "JSON 里有 {what}",
    "{key} is no list": "{key} 不是列表",
    "{key} has {count} items; at least {least} are wanted": "{key} 有 {count} 项；至少要 {least} 项",
    "{key} has {count} items; at most {most} are wanted": "{key} 有 {count} 项；至多 {most} 项",
    "{key} has {count} items": "{key} 有 {count} 项",
    "{key} is no number": "{key} 不是数",
    "{key} is {value}; {low} to {high} is wanted": "{key} 是 {value}；应在 {low} 到 {high} 之间",
    "{key} is {value}": "{key} 是 {value}",
    "each of the {count} items of {key} has {what}": "{key} 的 {count} 项都有 {what}",
    "files that fit {pattern}: {count}; at least {least} are wanted": (
        "符合 {pattern} 的文件有 {count} 个；至少要 {least} 个"
    ),
    "files that fit {pattern}: {count}; at most {most} are wanted": (
        "符合 {pattern} 的文件有 {count} 个；至多 {most} 个"
    ),
    "files that fit: {count}, {bytes} bytes, each as it was handed over: {what}": (
        "{count} 个文件，共 {bytes} 字节，都与交出时一致：{what}"
    ),
    "there is no file {name}": "没有文件 {name}",
    "the file {name} is empty": "文件 {name} 是空的",
    "{name}: {bytes} bytes, SHA-256 {sha}…": "{name}：{bytes} 字节，SHA-256 {sha}…",
    "it could not be judged: {why}": "无法判断：{why}",
    "it did not pass {check}": "没有通过 {check}",
    "passed": "通过",
    "did not pass": "未通过",
}
