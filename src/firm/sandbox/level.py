"""The levels of isolation, from none to a box of its own.

One rule: a level's name promises only what is held on every machine that reaches it.
"""

import enum


class Level(enum.IntEnum):
    """How far code is kept from the machine it runs on; a higher one holds all that the lower ones hold.

    `NONE`: nothing is held, so nothing is run. `LIMITS`: a session and a clean environment of its own, and limits;
    disk, network and other processes are open to it. `BUBBLEWRAP`: namespaces of its own; it sees its folder, the
    system's programs and nothing else.
    """

    NONE = 0
    LIMITS = 1
    BUBBLEWRAP = 2

    @property
    def word(self) -> str:
        """The level as it is shown: 'none', 'limits' or 'bubblewrap'."""
        return self.name.lower()
