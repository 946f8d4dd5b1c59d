"""Bytewax: its Kafka source, and one stateless step that takes whole batches (the fastest way found).

Its own keyed state (`stateful_map`) would send every record through a serialised exchange; one process with a
dictionary does without.
"""

from __future__ import annotations

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, run_main

from benchmarks.peers.plain import Plain, Task

BATCH = 1_000


def main() -> None:
    task = Task.given()
    plain = Plain(task.count)

    def take(batch: list[KafkaSourceMessage[bytes, bytes]]) -> list[None]:
        for record in batch:
            plain.take(record.value, record.headers)
        return []

    flow = Dataflow("plain")
    source = KafkaSource([task.bootstrap], task.topics, tail=False, add_config=dict(task.librdkafka), batch_size=BATCH)
    taken = op.flat_map_batch("take", op.input("incidents", flow, source), take)
    op.output("nothing", taken, TestingSink([]))
    run_main(flow)
    plain.report()


if __name__ == "__main__":
    main()
