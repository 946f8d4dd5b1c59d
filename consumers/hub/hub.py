"""A hub: log -> fold -> view feed and API. One process, any number of replicas.

This module only puts the parts together. The intake follows the log, the store keeps a snapshot of it, the leader
writes the feed when nobody else does, the API answers.
"""

from __future__ import annotations

import asyncio
import fcntl
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from bus.errors import BusUnavailable, InvalidSettings
from bus.settings import Settings
from bus.topics import Realm
from bus.transport.kafka import KafkaTransport
from bus.transport.port import Transport
from bus.vocabulary import Audience
from consumers.alerts import Alerter, AlertRules
from consumers.fold import Fold
from consumers.hub import collector
from consumers.hub.api import api, serving
from consumers.hub.clock import Clock, Now, wall_clock
from consumers.hub.intake import Intake, Pace
from consumers.hub.leader import Leader, Tempo
from consumers.hub.store import Store
from consumers.merge.explain import Explanation
from consumers.merge.view import View
from consumers.room import ACCOUNTS, Accounts, HubStatus, Room, RoomSettings

HOST = "127.0.0.1"

log = structlog.get_logger(__name__)


class Hub:
    """One replica, as `running_hub` gives it."""

    def __init__(self, transport: Transport, realm: Realm, intake: Intake, leader: Leader, clock: Clock) -> None:
        self.address = ""
        """Where it answers: `http://host:port`."""
        self.room: Room
        self.alerter: Alerter | None = None
        self.transport = transport
        self.realm = realm
        self._intake = intake
        self._leader = leader
        self._clock = clock

    async def settled(self) -> None:
        """Wait until the hub has met the end of the log."""
        await self._intake.wait_settled()

    @property
    def fold(self) -> Fold:
        """What is folded. It is another one after the log had to be folded from its start."""
        return self._intake.fold

    @property
    def is_settled(self) -> bool:
        """Whether the hub has met the end of the log, and the bus still answers."""
        return self._intake.settled

    @property
    def progress(self) -> float:
        """The share of the log that is folded, 0 to 1."""
        return self._intake.progress

    @property
    def heard_at(self) -> datetime:
        """When the bus last answered."""
        return self._clock.now() - timedelta(seconds=self._intake.unheard)

    @property
    def leads(self) -> bool:
        """Whether this hub writes the feed."""
        return self._leader.leads

    @property
    def held_back(self) -> tuple[str, ...]:
        """Partitions on which a transaction that stays open hides records."""
        return tuple(str(partition) for partition in self._intake.held_back)

    def as_of(self) -> datetime:
        """Now, for a picture of what is folded. Never goes back."""
        return self._clock.as_of(self._intake.fold)

    def view(self, audience: Audience = Audience.FULL) -> View:
        """The picture as of now. Before the hub is settled it says so."""
        fold = self._intake.fold
        return fold.projections.view(audience, self._clock.as_of(fold), fold.inputs, self._intake.settled)

    def explain(self, ref: str) -> Explanation:
        """How what the reference names came about, as of now. Raises UnknownReference."""
        fold = self._intake.fold
        return fold.state.explain(ref, self._clock.as_of(fold))

    def status(self) -> HubStatus:
        """What is folded, and how the hub is."""
        fold = self._intake.fold
        return HubStatus(
            realm=self.realm.name,
            as_of=self._clock.as_of(fold),
            inputs=dict(fold.inputs),
            digest=fold.state.digest,
            rules=fold.state.rules,
            settled=self._intake.settled,
            alive=self._intake.alive,
            leader=self._leader.leads,
            quarantined=len(fold.quarantine),
            held_back=self.held_back,
            alerts_failing=self.alerter.failing if self.alerter is not None else (),
        )


@asynccontextmanager
async def running_hub(
    transport: Transport,
    realm: Realm,
    directory: Path,
    *,
    host: str = HOST,
    port: int = 0,
    pace: Pace | None = None,
    tempo: Tempo | None = None,
    now: Now = wall_clock,
    spare: Callable[[], None] | None = None,
    room: RoomSettings | None = None,
    alerts: AlertRules | None = None,
) -> AsyncIterator[Hub]:
    """A hub while the body runs. Port 0 takes any that is free.

    `directory` holds the snapshot, the accounts of the room unless they are elsewhere, and the file `address` while the
    hub answers; it belongs to one hub at a time.
    `alerts` says whom to wake for what; without them nobody is.
    `spare` is called after each batch that is folded before the hub is settled.
    Raises InvalidSettings if another hub has it, or the address cannot be bound.
    """
    with _owned(directory):
        clock, store = Clock(now), Store(directory, realm)
        intake = Intake(transport, realm, store, pace, spare)
        leader = Leader(transport, realm, intake, clock, tempo)
        hub = Hub(transport, realm, intake, leader, clock)
        settings = room or RoomSettings()
        hub.alerter = Alerter(hub, alerts) if alerts is not None else None
        address = directory / "address"
        with closing(Accounts(settings.accounts or directory / ACCOUNTS, now)) as accounts:
            hub.room = Room(hub, accounts, settings, alerts)
            leader.listeners.append(hub.room.hear)
            async with serving(api(hub, hub.room), host, port, ending=hub.room.end) as hub.address:
                try:
                    address.write_text(hub.address + "\n", encoding="utf-8")
                except OSError as error:  # a full disk is no reason to show nothing
                    log.warning("address_not_written", path=str(address), reason=error.strerror, address=hub.address)
                try:
                    # Left in reverse order: the store last, so that it writes all that was folded.
                    async with (
                        _running(store.run()),
                        _running(intake.run()),
                        _running(leader.run()),
                        _running(hub.room.run()),
                        _running(hub.alerter.run()) if hub.alerter is not None else nullcontext(),
                    ):
                        yield hub
                finally:
                    address.unlink(missing_ok=True)


async def serve(
    settings: Settings,
    *,
    directory: Path,
    host: str = HOST,
    port: int = 0,
    room: RoomSettings | None = None,
    alerts: AlertRules | None = None,
) -> None:
    """Run a hub as this process until SIGTERM or SIGINT. A bus that does not answer is waited for.

    Raises InvalidSettings, AuthenticationFailed, NotAllowed.
    """
    transport, realm = KafkaTransport(settings), Realm(settings.realm)
    try:
        await transport.partitions([realm.actors])
        if alerts is not None and not await transport.partitions([realm.alerts]):
            raise InvalidSettings(f"{realm.alerts} does not exist, or this user may not see it; run `ntsg provision`")
    except BusUnavailable as error:
        log.warning("waiting_for_the_bus", reason=str(error))
    collector.begin()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running_hub(
        transport, realm, directory, host=host, port=port, spare=collector.spare, room=room, alerts=alerts
    ) as hub:
        log.info("hub_started", address=hub.address, realm=settings.realm)
        async with _running(_freeze_when_settled(hub)):
            await stop.wait()
    log.info("hub_stopped")


async def _freeze_when_settled(hub: Hub) -> None:
    """What was folded at the start stays for good: the collector need not look at it again."""
    await hub.settled()
    collector.settle()


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the work beside the body, and end it with the body. If it fails, the body is cancelled."""
    own: Exception | None = None
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the body's own: raised below as it is, not inside a group
            own = error
        finally:
            task.cancel()
    if own is not None:
        raise own


@contextmanager
def _owned(directory: Path) -> Iterator[None]:
    """Take the directory, which the lock gives back however the process ends."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidSettings(f"{directory} belongs to another running hub; name another directory") from error
        yield
