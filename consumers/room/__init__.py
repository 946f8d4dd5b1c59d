"""The coordination room, as a hub serves it: where staff see, decide and report.

`Room` gives the routes; a hub mounts them. What people see is in `consumers.room.page`.
"""

from consumers.room.room import Room
from consumers.room.source import HubStatus, Source

__all__ = ["HubStatus", "Room", "Source"]
