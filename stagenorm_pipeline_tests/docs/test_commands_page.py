"""docs/commands.md is what the commands' help says."""

from stagenorm_pipeline_tests.support.commands_page import PAGE, commands_page


def test_commands_page_is_what_make_docs_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == commands_page(), "run `make docs`"
