"""The hub: follows the log of a realm, keeps the picture, writes the view feed, and answers over HTTP."""

from consumers.hub.hub import Hub, running_hub, serve
from consumers.hub.intake import Pace
from consumers.hub.leader import Tempo
from consumers.room import HubStatus

__all__ = ["Hub", "HubStatus", "Pace", "Tempo", "running_hub", "serve"]
