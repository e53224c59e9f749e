"""Amounts of food: read what people write, and show it to them."""

GRAMS = {"g": 1, "kg": 1000, "oz": 28, "lb": 454}


def parse(text):
    """Grams of an amount as people write it, such as '2.5 kg' or '3 oz'."""
    number, _, unit = text.strip().partition(" ")
    if unit not in GRAMS:
        raise ValueError(f"{text!r} has no unit that is known; use one of {', '.join(GRAMS)}")
    return int(float(number)) * GRAMS[unit]


def show(grams):
    """An amount as people read it: kilograms from one kilogram on."""
    if grams >= 1000:
        return f"{grams / 1000:g} kg"
    return f"{grams} g"
