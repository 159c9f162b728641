"""The commands of `stagenorm`: one file a command, named after it, and files by subject for what several share.

`cli.py` lists them and imports a command's file when it is invoked or asked for its help. So a command's file imports
at its top only what is light (click, this package); the engine and the database come inside the function.
"""
