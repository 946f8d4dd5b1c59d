"""How records reach the log and come back: one port, two adapters.

`bus.transport.kafka` is the real one. `bus.transport.memory` keeps the same promises inside one process, for unit
tests and for integrators who try out a consumer. One contract test class holds both to the port.
"""

from bus.transport.port import Outgoing, Position, Reader, Stored, Transaction, Transport, Writer

__all__ = ["Outgoing", "Position", "Reader", "Stored", "Transaction", "Transport", "Writer"]
