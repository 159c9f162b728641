"""The commands of `stagenorm`: one file per command, and nothing else.

`cli/main.py` lists them and imports a file when its command is invoked or asked for its help. A command parses, calls
the service and formats the result. What several commands share is in `cli/`.
"""
