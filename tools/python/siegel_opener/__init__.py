"""An independent opener (and sealer) of Siegel records; docs/format.md and docs/keys.md are all it rests on.

It exists to show that the formats need no Siegel software to be read, and that two implementations agree on every
vector. It is small, slow and complete; it holds records in memory, which the real client does not.
"""


class Refused(Exception):
    """The one answer to anything that is damaged, tampered with, or not sealed for this key."""
