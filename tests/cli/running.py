"""Run one command as a user would."""

from __future__ import annotations

import typer
from typer.testing import CliRunner


def invoke(command, *arguments, columns=None, stdin=None):
    """Return what a command, or a group of them, did; an error that it raised is raised here."""
    app = command if isinstance(command, typer.Typer) else typer.Typer()
    if app is not command:
        app.command()(command)
    env = {"COLUMNS": str(columns)} if columns else None
    result = CliRunner().invoke(app, [str(each) for each in arguments], input=stdin, env=env)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
