"""The command line. One file per command; each imports what it needs when it runs, so help is instant."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

import typer

import sentimo
from sentimo.cli.analyze import analyze
from sentimo.cli.augment import augment
from sentimo.cli.baseline import baseline
from sentimo.cli.bench import bench
from sentimo.cli.cascade import cascade
from sentimo.cli.check_labels import check_labels
from sentimo.cli.compare import compare
from sentimo.cli.compress import compress
from sentimo.cli.console import err, open_streams, use_utf8
from sentimo.cli.doctor import doctor
from sentimo.cli.ensemble import ensemble
from sentimo.cli.evaluate import evaluate
from sentimo.cli.export import export
from sentimo.cli.label import label
from sentimo.cli.learning_curve import learning_curve
from sentimo.cli.lr_range import lr_range
from sentimo.cli.models import models
from sentimo.cli.phenomena import phenomena
from sentimo.cli.predict import predict
from sentimo.cli.pretrain import pretrain
from sentimo.cli.recipe import recipe
from sentimo.cli.retrain import retrain
from sentimo.cli.runs import runs
from sentimo.cli.search import search
from sentimo.cli.train import train
from sentimo.cli.transfer import transfer
from sentimo.core.signals import count_presses_once
from sentimo.errors import Interrupted, SentimoError

app = typer.Typer(
    name="sentimo",
    help="Sentiment and emotion of English and Chinese text: train, evaluate, save, analyze.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (
    *(analyze, predict, doctor, train, evaluate, compare, baseline),
    *(cascade, compress, export, bench, phenomena),
    *(augment, label, pretrain),
):
    app.command()(_command)
app.command(name="learning-curve")(learning_curve)
app.command()(ensemble)
app.command()(search)
app.command()(retrain)
app.command()(transfer)
app.command(name="lr-range")(lr_range)
app.command(name="check-labels")(check_labels)
app.add_typer(recipe, name="recipe")
app.add_typer(runs, name="runs")
app.add_typer(models, name="models")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sentimo {sentimo.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> None:
    """Run the command line.

    Exit status: 0 done, 1 failed (one sentence on stderr says why), 2 misused, 3 a challenger was refused, 130 Ctrl-C.
    """
    open_streams()
    use_utf8()
    count_presses_once()
    try:
        app()
    except KeyboardInterrupt:
        _end("stopped")
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Interrupted as stop:
        _end(str(stop))
    except (SentimoError, OSError) as error:  # a full disk or a missing permission is no bug either
        told = _in_words(error) if isinstance(error, OSError) else error
        err.print(f"sentimo: {told}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)


def _end(told: str) -> NoReturn:
    """End after Ctrl-C; one more, while Python closes down, would kill it half-way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    err.print(f"sentimo: {told}", markup=False)
    sys.exit(130)


def _in_words(error: OSError) -> str:
    """Return where the system refused something, and why."""
    if error.strerror is None:
        return str(error)
    place = error.filename2 or error.filename or "what was written to"
    return f"{place}: {error.strerror}"
