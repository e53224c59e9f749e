"""What a mission hands over: files, a report to read, a line in the changelog, one commit.

One rule: what is delivered is exactly what was accepted; anything else that lies in its place is not.
"""

from firm.org.deliver.handover import Delivered, deliver

__all__ = ["Delivered", "deliver"]
