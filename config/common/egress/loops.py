"""One object per event loop, kept while the loop runs and closed when it ends."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Makes an object on first use in an event loop and closes it when the loop shuts down.

    Network clients belong to the loop that they were made in. The closing hangs on an
    asynchronous generator: `asyncio.run` and `async_to_sync` close those that are still open
    (`loop.shutdown_asyncgens`) before they close the loop.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._kept: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[None, None]]] = {}

    def get(self) -> T:
        """Return the object of the running loop; raises RuntimeError outside a loop."""
        loop = asyncio.get_running_loop()
        kept = self._kept.get(loop)
        if kept is not None:
            return kept[0]
        for other in [other for other in self._kept if other.is_closed()]:
            del self._kept[other]
        made = self._make()
        keeper = self._keep(loop, made)
        # The first step registers the generator with the loop; it runs without waiting.
        try:
            keeper.__anext__().send(None)
        except StopIteration:
            self._kept[loop] = (made, keeper)
        return made

    async def _keep(self, loop: asyncio.AbstractEventLoop, made: T) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self._kept.pop(loop, None)
            await self._close(made)
