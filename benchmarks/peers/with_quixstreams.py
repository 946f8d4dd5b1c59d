"""Quix Streams: a streaming dataframe over all topics, with what is kept in a dictionary (the fastest way found).

Its own state (RocksDB and a changelog topic) survives a restart and costs more; here nothing has to survive.
"""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from quixstreams import Application
from quixstreams.kafka.configuration import ConnectionConfig

from benchmarks.peers.plain import Headers, Plain, Task


def main() -> None:
    task = Task.given()
    plain = Plain(task.count)
    with TemporaryDirectory() as state:
        application = Application(
            ConnectionConfig.from_librdkafka_dict({"bootstrap.servers": task.bootstrap, **task.librdkafka}),
            consumer_group=f"{task.user}.{uuid4()}",  # none that has read before,
            auto_offset_reset="earliest",
            auto_create_topics=False,
            use_changelog_topics=False,
            state_dir=state,
            loglevel="ERROR",
        )

        def take(value: bytes, _key: object, _timestamp: int, headers: Headers) -> None:
            plain.take(value, headers)
            if plain.done:
                application.stop()

        frames: list[Any] = [
            application.dataframe(application.topic(name, value_deserializer="bytes")) for name in task.topics
        ]
        for frame in frames:
            frame.update(take, metadata=True)
        application.run()
    plain.report()


if __name__ == "__main__":
    main()
