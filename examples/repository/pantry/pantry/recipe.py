"""Recipes: how much of what, for how many people."""

from dataclasses import dataclass


@dataclass
class Recipe:
    """A dish, and grams of what goes into it."""

    name: str
    people: int
    grams: dict


def scale(recipe, people):
    """The same recipe for another number of people."""
    if people < 1:
        raise ValueError(f"a recipe for {people} people; give at least 1")
    grams = recipe.grams
    for name in grams:
        grams[name] = round(grams[name] * people / recipe.people)
    return Recipe(recipe.name, people, grams)


def missing(recipe, pantry):
    """Grams of what the pantry lacks for a recipe."""
    lacks = {name: grams - pantry.get(name, 0) for name, grams in recipe.grams.items()}
    return {name: grams for name, grams in lacks.items() if grams > 0}
