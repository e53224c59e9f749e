"""What the demo is asked for, and what its customer says: data that parent and engine share."""

import msgspec

ORDER = "order-1"
"""The run that carries it all."""
CUSTOMER = "a maker of gliders"

WORDS = {
    "en": """\
Hello, we build gliders and need a new wing section, with the best glide that you can find. Reynolds number 1,000,000.
Not thinner than 12 percent, because the spar needs room. Chord 600 mm. Pitching moment not below -0.10.""",
    "zh": """\
你好，我们制造滑翔机，需要一个滑翔最好的新翼型。雷诺数为 1000000。厚度不小于 12%，因为翼梁需要空间。弦长 600 毫米。\
俯仰力矩系数不低于 -0.10，否则尾翼会太大。""",
}
"""Free words, as customers write."""

ANSWERS = {
    "en": {
        "reynolds": "Reynolds number 1,000,000",
        "thickness_percent": "thickness 12 percent",
        "moment": "pitching moment -0.10",
        "lift": "any lift coefficient, 0",
        "chord_mm": "chord 600 mm",
    },
    "zh": {
        "reynolds": "雷诺数 1000000",
        "thickness_percent": "厚度 12%",
        "moment": "俯仰力矩系数 -0.10",
        "lift": "升力系数 0",
        "chord_mm": "弦长 600 毫米",
    },
}
"""What the customer answers, if he is asked."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of the engine."""

    text: str
    """The customer's words."""
    no_model: str = ""
    """Why no model is asked; '': the embedded one is."""
