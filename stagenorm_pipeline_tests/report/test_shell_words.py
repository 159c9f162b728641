"""Test that a copied command names exactly the spelling, whatever it holds."""

import subprocess

from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.report.shell_words import shell_word

_HOSTILE = (
    "Angel",
    "Seed Round",
    "it's",
    'say "x"',
    "$(touch /tmp/x) `id` !! \\",
    "a\nb\tc\r",
    "\x1b[2J\x07",
    "\u202eseed\u200b",
    "series\u2011b",
    "seri\u0435s a",
    "*?[a]~#",
    "-x",
    "  two  spaces  ",
    "轮" * 300,
    "\x7f1\x011",
)


def test_shell_reads_the_exact_text_from_a_harmless_word() -> None:
    words = [shell_word(text) for text in _HOSTILE]
    for word in words:
        assert sentence_for_terminal(word, limit=10_000) == word
    read = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {' '.join(words)}"], capture_output=True, check=True, env={"LC_ALL": "C"}
    ).stdout
    assert read.decode().split("\0")[:-1] == list(_HOSTILE)
