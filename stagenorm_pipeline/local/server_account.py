"""The operating-system account that runs the embedded PostgreSQL, and its file permissions.

PostgreSQL refuses to run as root, so root starts it as an existing unprivileged account. No account is created and no
file becomes readable: directories on the path only get the permission to traverse them.
"""

import os
import pwd
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, assert_never

from stagenorm_pipeline.errors import StagenormError

_ACCOUNTS = ("pgserver", "postgres", "nobody")


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAccount:
    """The caller's own account, which is not root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnprivilegedAccount:
    """The account as which root starts PostgreSQL."""

    uid: int
    gid: int

    def may_pass(self, facts: os.stat_result) -> bool:
        """Tell whether the account can traverse a directory, or run a program, with that owner and mode."""
        if facts.st_uid == self.uid:
            needed = stat.S_IXUSR
        elif facts.st_gid == self.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        return bool(facts.st_mode & needed)

    def open_way_to(self, directory: Path) -> None:
        """Add o+x, never o+r, to `directory` and its parents where the account cannot traverse them."""
        for step in reversed([directory, *directory.parents]):
            facts = step.stat()
            if not self.may_pass(facts):
                step.chmod(stat.S_IMODE(facts.st_mode) | stat.S_IXOTH)
                sys.stderr.write(f"chmod o+x {step}  (PostgreSQL cannot run as root and must reach its files)\n")

    def check_can_run(self, program: Path) -> None:
        """Raise StagenormError if only root may run the program, because of the umask at installation."""
        if not self.may_pass(program.stat()):
            package = program.parents[2]
            raise StagenormError(
                f"PostgreSQL cannot run as root, and no other account may run {program}.",
                remedy=f"Open the installed binaries: chmod -R o+rX {package} {package}.libs",
            )


ServerAccount = OwnAccount | UnprivilegedAccount


def server_account(data: Path) -> ServerAccount:
    """Return the account to run PostgreSQL as.

    Existing data belong to the account that must run the server: PostgreSQL accepts a directory only from its owner.
    Raises StagenormError if root finds no unprivileged account.
    """
    if os.geteuid() != 0:
        return OwnAccount()
    if data.exists() and (facts := data.stat()).st_uid != 0:
        return UnprivilegedAccount(uid=facts.st_uid, gid=facts.st_gid)
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return UnprivilegedAccount(uid=entry.pw_uid, gid=entry.pw_gid)
    raise StagenormError(
        f"PostgreSQL refuses to run as root, and none of the accounts {', '.join(_ACCOUNTS)} exists.",
        remedy="Run the command as an ordinary user, or name your own server in DATABASE_URL.",
    )


def identity(account: ServerAccount) -> _Identity:
    """Return the arguments of subprocess.Popen that start a program as that account."""
    match account:
        case OwnAccount():
            return {}
        case UnprivilegedAccount(uid=uid, gid=gid):
            return {"user": uid, "group": gid, "extra_groups": []}
        case _:
            assert_never(account)


def give_to(account: ServerAccount, path: Path) -> None:
    """Make the account the owner of a file that the caller made."""
    if isinstance(account, UnprivilegedAccount):
        os.chown(path, account.uid, account.gid)


def private_directory(path: Path, account: ServerAccount) -> None:
    """Make `path` a directory of mode 0700 that belongs to the account.

    Raises StagenormError if another user has something at this path.
    """
    owner = account.uid if isinstance(account, UnprivilegedAccount) else os.geteuid()
    try:
        path.mkdir(mode=0o700)
        give_to(account, path)
    except FileExistsError:
        facts = path.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != owner or facts.st_mode & 0o077:
            raise StagenormError(
                f"{path} is not a private directory of the account that runs PostgreSQL.",
                remedy="Another user put it there. Remove it, or name another directory in TMPDIR.",
            ) from None
