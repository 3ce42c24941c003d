"""Following runs: one hub per process and event loop, one feed per run, any number of readers.

The hub joins the channel layer once per run. A feed hears the bell, or looks into the log when
the bell is silent, and hands each frame to its readers. A reader that does not keep up loses its
queue, not the run: it reads on from the log, so its memory is bounded. `runtime/follow.py` joins
log and feed to what one follower gets.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from channels.layers import get_channel_layer

from agents_app.runtime import bell, log
from agents_app.runtime.frames import DeltaFrame, EventFrame, Frame

logger = logging.getLogger(__name__)

QUEUE_FRAMES = 1_000
SILENCE_S = 1.0
"""How long a feed waits for the bell before it looks into the log."""


class Reader:
    """One follower's bounded queue of live frames."""

    def __init__(self) -> None:
        """Begin empty."""
        self._frames: deque[Frame] = deque()
        self._ready = asyncio.Event()
        self._must_look = False

    def put(self, frame: Frame) -> None:
        """Take a frame; a follower that is too slow loses its queue and must look into the log."""
        if len(self._frames) >= QUEUE_FRAMES:
            self._frames.clear()
            self._must_look = True
        else:
            self._frames.append(frame)
        self._ready.set()

    def nudge(self) -> None:
        """Ask the follower to look into the log, unless it has frames to go on with."""
        if not self._frames:
            self._must_look = True
            self._ready.set()

    async def get(self) -> Frame | None:
        """Return the next frame; None asks to look into the log."""
        while True:
            if self._must_look:
                self._must_look = False
                return None
            if self._frames:
                return self._frames.popleft()
            self._ready.clear()
            await self._ready.wait()


class Feed:
    """The newest of one run, shared by this process's readers."""

    def __init__(self, run_id: UUID) -> None:
        """Begin without a position; the first reader's attachment reads it."""
        self.run_id = run_id
        self.readers: set[Reader] = set()
        self.seq = 0
        self._heard = asyncio.Event()
        self._reading = asyncio.Lock()
        self.watcher: asyncio.Task[None] | None = None

    async def start(self, seq: int) -> None:
        """Follow from `seq`, and look into the log whenever the bell is silent."""
        self.seq = seq
        self.watcher = asyncio.ensure_future(self._watch())

    async def hear(self, message: dict[str, Any]) -> None:
        """Take a message of the channel layer."""
        self._heard.set()
        if message["type"] == "run.delta":
            self._deliver(
                DeltaFrame(
                    run_id=self.run_id,
                    step=message["step"],
                    attempt=message["attempt"],
                    offset=message["offset"],
                    text=message["text"],
                )
            )
            return
        frames = message["frames"]
        if not frames or frames[0][0] > self.seq + 1:
            await self.catch_up()
        for seq, attempt, kind, payload, at in frames:
            if seq == self.seq + 1:
                self.seq = seq
                self._deliver(
                    EventFrame(
                        run_id=self.run_id,
                        seq=seq,
                        attempt=attempt,
                        type=kind,
                        payload=payload,
                        at=at,
                    )
                )

    async def catch_up(self) -> None:
        """Deliver what the log has beyond the newest delivered event."""
        async with self._reading:
            while True:
                events = await log.read_events(self.run_id, self.seq)
                for event in events:
                    if event.seq == self.seq + 1:
                        self.seq = event.seq
                        self._deliver(event)
                if len(events) < log.PAGE:
                    return

    def _deliver(self, frame: Frame) -> None:
        for reader in self.readers:
            reader.put(frame)

    async def _watch(self) -> None:
        while True:
            self._heard.clear()
            try:
                async with asyncio.timeout(SILENCE_S):
                    await self._heard.wait()
            except TimeoutError:
                with suppress(psycopg.Error, TimeoutError):
                    await self.catch_up()
                for reader in self.readers:
                    reader.nudge()


class Hub:
    """The one ear of an event loop on the channel layer."""

    def __init__(self) -> None:
        """Begin deaf; the first feed opens the ear."""
        self._feeds: dict[UUID, Feed] = {}
        self._channel: str | None = None
        self._listener: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def attach(self, run_id: UUID) -> AsyncIterator[Reader]:
        """Lend a reader that gets every frame from now on; the log has what came before."""
        reader = Reader()
        feed = self._feeds.get(run_id)
        if feed is None:
            feed = self._feeds[run_id] = Feed(run_id)
            feed.readers.add(reader)
            await self._join(run_id)
            await feed.start(await log.newest_seq(run_id))
        else:
            feed.readers.add(reader)
        try:
            yield reader
        finally:
            feed.readers.discard(reader)
            if not feed.readers and self._feeds.get(run_id) is feed:
                del self._feeds[run_id]
                if feed.watcher is not None:
                    feed.watcher.cancel()
                await self._leave(run_id)

    async def _join(self, run_id: UUID) -> None:
        layer = get_channel_layer()
        with bell.tolerated():
            async with asyncio.timeout(bell.SEND_TIMEOUT_S), self._opening:
                if self._channel is None or self._listener is None or self._listener.done():
                    self._channel = await layer.new_channel()
                    self._listener = asyncio.ensure_future(self._listen(self._channel))
                await layer.group_add(bell.run_group(run_id), self._channel)

    async def _leave(self, run_id: UUID) -> None:
        if self._channel is not None:
            with bell.tolerated():
                async with asyncio.timeout(bell.SEND_TIMEOUT_S):
                    await get_channel_layer().group_discard(bell.run_group(run_id), self._channel)

    async def _listen(self, channel: str) -> None:
        layer = get_channel_layer()
        while True:
            message = await layer.receive(channel)
            feed = self._feeds.get(UUID(message["run"]))
            if feed is not None:
                with suppress(psycopg.Error, TimeoutError):
                    await feed.hear(message)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """Return this event loop's hub."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None:
        found = _hubs[loop] = Hub()
    return found
