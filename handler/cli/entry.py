"""Entry point of the `nightdrop` command: no traceback for Ctrl-C, a full disk or a closed pipe."""

from __future__ import annotations

import errno
import io
import os
import signal
import sqlite3
import sys

_WRONG_INSTALLATION = 2
_INTERRUPTED = 130
_NOT_WRITTEN = 74  # EX_IOERR of sysexits.h
_CLOSED_PIPE = 141  # as a shell has it of a program that SIGPIPE ended
WRITE_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EPIPE}
)
"""Numbers of errors after which nothing can be written: `run` ends the command for them."""


def run() -> None:
    """Run the command and exit with its status.

    Further exit statuses: 74 the output, a file or a SQLite log could not be written, 130 the
    command was interrupted, 141 the reader of the output has closed the pipe.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # During imports, Ctrl-C ends the process at once and without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _complete_streams()
    try:
        try:
            status = _command()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        status = _CLOSED_PIPE
    except OSError as error:
        if error.errno not in WRITE_ERRORS:
            raise
        _discard_output()
        what = f"{error.filename} cannot be written" if error.filename else "cannot write"
        status = _write_error(f"{what}: {error.strerror}")
    except sqlite3.OperationalError as error:
        status = _write_error(f"the audit log cannot be read or written: {error}")
    sys.exit(status)


def _complete_streams() -> None:
    """Replace closed standard streams by empty ones; escape what their encoding does not have."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - as long as the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(errors="backslashreplace")


def _write_error(sentence: str) -> int:
    sys.stderr.write(f"nightdrop: {sentence}\n")
    return _NOT_WRITTEN


def _command() -> int:
    try:
        import click
    except ModuleNotFoundError:
        sys.stderr.write("nightdrop: click is missing; install the wheel with its extra `local`\n")
        return _WRONG_INSTALLATION

    from handler.cli.main import main

    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    output = sys.stdout
    try:
        status = main.main(prog_name="nightdrop", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return _INTERRUPTED
    except SystemExit as end:
        # For a closed pipe, click replaces the stream and rich lets the error be seen.
        if sys.stdout is not output or isinstance(end.__context__, BrokenPipeError):
            raise BrokenPipeError from end
        raise
    return status if isinstance(status, int) else 0


def _discard_output() -> None:
    """Discard buffered output: at exit Python would try to write it again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
