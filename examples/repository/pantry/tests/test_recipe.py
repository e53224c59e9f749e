from pantry.recipe import Recipe, missing, scale


def porridge():
    return Recipe("porridge", 2, {"oats": 100, "milk": 400})


def test_a_recipe_is_scaled():
    assert scale(porridge(), 6).grams == {"oats": 300, "milk": 1200}


def test_the_recipe_that_is_scaled_stays_as_it_is():
    recipe = porridge()
    scale(recipe, 4)
    assert recipe.grams == {"oats": 100, "milk": 400}


def test_only_what_the_pantry_lacks_is_missing():
    assert missing(porridge(), {"oats": 40, "milk": 1000}) == {"oats": 60}
