"""Files that people keep, each written whole or not at all."""

import os
from pathlib import Path

from stagenorm_pipeline.engine.errors import StagenormError


def replace_file(path: Path, text: str) -> None:
    """Write a file whole or not at all: a full disk must not eat the decisions that were there.

    Raises StagenormError naming the file when it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StagenormError(f"{path} cannot be written: {error.strerror}.", remedy="Choose another place.") from error
