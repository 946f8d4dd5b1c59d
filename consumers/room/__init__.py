"""The coordination room, as a hub serves it: where staff see, decide and report.

`Room` gives the routes; a hub mounts them. What people see is in `consumers.room.page`.
"""

from consumers.room.accounts import Accounts
from consumers.room.acting import Acting
from consumers.room.room import ACCOUNTS, Room, RoomSettings
from consumers.room.source import HubStatus, Source

__all__ = ["ACCOUNTS", "Accounts", "Acting", "HubStatus", "Room", "RoomSettings", "Source"]
