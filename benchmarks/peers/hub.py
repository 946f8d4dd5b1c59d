"""Our hub, in a process as the peers have one: all of its rules, up to and with the picture."""

from __future__ import annotations

import asyncio
import logging
import time

from pydantic import SecretStr

from benchmarks.folding import fold_log, picture
from benchmarks.peers.plain import Task, report
from bus.logs import configure
from bus.references import Kind
from bus.settings import Settings
from bus.topics import Realm
from bus.transport.kafka import KafkaTransport
from consumers.hub import collector


async def main() -> None:
    configure(logging.ERROR)
    collector.begin()
    task = Task.given()
    realm = Realm(task.topics[0].split(".")[0])
    settings = Settings(bootstrap=task.bootstrap, realm=str(realm), user=task.user, password=SecretStr(task.password))
    before = time.process_time()
    found, spent = await fold_log(KafkaTransport(settings), realm, picture)
    report(
        task.count, spent.clock, time.process_time() - before, sum(key.startswith(f"{Kind.INCIDENT}/") for key in found)
    )


if __name__ == "__main__":
    asyncio.run(main())
