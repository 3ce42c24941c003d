"""Start the fake server: `python -m tests.fake_openai --port 0` prints its base URL and serves until stopped."""

import argparse
import asyncio
import os
import signal
import threading

import uvloop

from tests.fake_openai.server import serve


def _stop_with_parent() -> None:
    """End when standard input closes, which happens at the latest when the parent dies."""
    # Not `sys.stdin`, whose lock the interpreter wants at its end.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


async def _main(port: int, *, is_recording: bool) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    runner, port = await serve(host="127.0.0.1", port=port, is_recording=is_recording)
    print(f"http://127.0.0.1:{port}/v1", flush=True)  # noqa: T201 - callers read the address here
    await stopped.wait()
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description="A fake OpenAI server on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--no-record", action="store_true", help="keep no requests")
    parser.add_argument("--follow-stdin", action="store_true", help="stop when stdin closes")
    options = parser.parse_args()
    if options.follow_stdin:
        threading.Thread(target=_stop_with_parent, daemon=True).start()
    uvloop.run(_main(options.port, is_recording=not options.no_record))


if __name__ == "__main__":
    main()
