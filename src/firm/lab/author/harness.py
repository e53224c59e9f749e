"""The trusted program that drives operators inside the box.

One rule: it runs beside code that nobody trusts, so what it writes is no more than that code's word: artifacts to be
scored. It knows no value of any of them.
"""

OPERATOR_HARNESS = '''\
"""Makes candidates with the operators of program.py for some seconds; writes {"made": [...], "why": "..."}."""
import json
import math
import time
import traceback

import numpy as np

MOST_WHYS = 3


def main():
    with open("input.json", encoding="utf-8") as file:
        told = json.load(file)
    rng = np.random.Generator(np.random.Philox(key=told["seed"]))
    elites, low, high = told["elites"], told["low"], told["high"]
    vector = low is not None
    if vector:
        low, high = np.asarray(low, float), np.asarray(high, float)
        elites = [np.asarray(one, float).reshape(-1) for one in elites]
    made, whys, calls = [], [], 0
    space = {"__name__": "program"}
    try:
        with open("program.py", encoding="utf-8") as file:
            exec(compile(file.read(), "program.py", "exec"), space)
        propose, improve, perturb = (space.get(name) for name in ("propose", "improve", "perturb"))
        if not callable(propose):
            raise TypeError("propose is no function")
    except BaseException as error:
        whys.append(said(error))
        propose = None
    began = time.process_time()
    while propose and len(made) < told["most"] and len(whys) < MOST_WHYS:
        if calls and time.process_time() - began >= told["seconds"]:
            break
        try:
            start = calls % len(told["kinds"])
            kind = told["kinds"][start]
            calls += 1
            if kind == "perturb" and perturb and (elites or made):
                pool = elites or made
                x = pool[int(rng.integers(len(pool)))]
                x = perturb(rng, x.copy() if vector else x, float(10.0 ** rng.uniform(-2.0, 0.0)))
            elif kind == "improve" and improve and elites:
                x = elites[int(rng.integers(len(elites)))]
                x = x.copy() if vector else x
            else:
                x = propose(rng)
            x = checked(x, "what propose or perturb returned", vector, low, high)
            if improve:
                x = checked(improve(rng, x.copy() if vector else x), "what improve returned", vector, low, high)
            made.append(x)
        except BaseException as error:
            whys.append(said(error))
    plain = [one.tolist() if vector else one for one in made]
    with open("artifact.json", "w", encoding="utf-8") as file:
        json.dump({"made": plain, "why": "\\n".join(dict.fromkeys(whys))[:3000]}, file)


def checked(x, what, vector, low, high):
    if not vector:
        json.dumps(x, allow_nan=False)
        return x
    x = np.asarray(x, float).reshape(-1)
    if x.size != low.size:
        raise ValueError(f"{what} has {x.size} numbers where {low.size} are wanted")
    if not np.isfinite(x).all():
        raise ValueError(f"{what} holds {float(x[~np.isfinite(x)][0])}, which is no finite number")
    return np.clip(x, low, high)


def said(error):
    return "".join(traceback.format_exception(error)[-4:])[-900:]


main()
'''
