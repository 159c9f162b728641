"""Run the `stagenorm` program. Imports nothing at its top, so that Ctrl-C during the imports is handled too."""


def main() -> None:
    """Run the command line."""
    try:
        from stagenorm_pipeline.cli.main import main as command_line

        command_line(prog_name="stagenorm")
    except KeyboardInterrupt:
        import os

        # os.write: the standard streams and their modules may be half imported.
        os.write(2, b"Error: Interrupted.\n")
        os._exit(1)


if __name__ == "__main__":
    main()
