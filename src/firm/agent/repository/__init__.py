"""A repository whose tests fail, and an agent that is to mend it: `firm run "make these tests pass" --repo DIR`.

One rule: the founder's checkout is only read; what comes of it is a branch, and a report that says what was tried.

    order.py     what is asked for, and the report
    git.py       git, with nothing obeyed that a repository says about itself
    look.py      how a repository stands
    command.py   which command runs the tests, and with which Python
    scene.py     what a mission has to do with; what cannot be worked on is refused
    place.py     where it is worked: lay a commit out, gather what was done, hand it over
    guard.py     which files decide how the tests are run, and are put back
    tests.py     running the tests in the sandbox
    verdict.py   what a run of the tests said
    sources.py   which files the agent is shown before it begins
    indent.py    an edit whose indentation is off, made to fit
    coder.py     the agent and its tools
    steps.py     the steps
    mission.py   the workflow
    words.py     what the agent is told; the report in Markdown and at the terminal
"""
