"""A labelled crisis simulator: what made-up operators would send, and which of their reports belong together in truth.

First what happens (`crises`: faults with their true times, places and causes), then how it is told (`telling`: in
revisions, with the gaps and errors that `noise` sets). Labels come from what happens, never from what is told.
"""

from producers.simulator.faults import CrisisKind
from producers.simulator.noise import Noise
from producers.simulator.simulate import Crisis, Simulated, simulate

__all__ = ["Crisis", "CrisisKind", "Noise", "Simulated", "simulate"]
