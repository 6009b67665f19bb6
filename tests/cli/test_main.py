import os
import signal
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

import sentimo
from sentimo.cli import app, main
from sentimo.engine.analyzer import Analyzer
from sentimo.errors import BundleError


def commands(command, path=()):
    """Yield the path of every command that does something."""
    if hasattr(command, "commands"):
        for name, each in command.commands.items():
            yield from commands(each, (*path, name))
    else:
        yield path


COMMANDS = list(commands(typer.main.get_command(app)))


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line as a user does; return exit status, stdout and stderr."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["sentimo", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        return (end.value.code or 0, *capsys.readouterr())

    before = signal.getsignal(signal.SIGINT)
    yield call
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def failing(monkeypatch):
    """Makes `Analyzer.load` raise an error."""

    def make(error):
        def load(*given, **options):
            raise error

        monkeypatch.setattr(Analyzer, "load", load)

    return make


def test_the_version_is_printed(run):
    assert run("--version") == (0, f"sentimo {sentimo.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "none.csv", "-o", "out.csv"], "sentimo: none.csv: no such file\n"),
        (["analyze", "good", "--model", "none"], "sentimo: "),
        (["recipe", "show", "none.yaml"], "sentimo: none.yaml: cannot be read"),
        (["doctor", "none.csv"], "sentimo: none.csv: no such file\n"),
        (["evaluate", "none", "none.csv"], "sentimo: "),
    ],
)
def test_a_failure_is_one_line_on_stderr_and_exit_status_1(run, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)

    status, out, err = run(*arguments)

    assert (status, out) == (1, "")
    assert err.startswith(message)
    assert err.count("\n") == 1


def test_a_long_message_is_not_wrapped_nor_read_as_markup(run, failing):
    failing(BundleError("[bold] word " * 40))

    assert run("analyze", "good") == (1, "", f"sentimo: {'[bold] word ' * 40}\n")


def test_what_the_machine_refuses_is_no_traceback(run, failing):
    failing(PermissionError(13, "Permission denied", "model.onnx"))

    assert run("analyze", "good") == (1, "", "sentimo: model.onnx: Permission denied\n")


def test_ctrl_c_ends_with_exit_status_130_and_no_traceback(run, failing):
    failing(KeyboardInterrupt())

    assert run("analyze", "good") == (130, "", "")


def test_a_bug_keeps_its_traceback(monkeypatch, failing):
    failing(ZeroDivisionError("a bug"))
    monkeypatch.setattr(sys, "argv", ["sentimo", "analyze", "good"])

    with pytest.raises(ZeroDivisionError):
        main()


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["analyze", "--nonsense"], ["predict"], ["recipe"], ["evaluate", "m", "d", "--seed", "x"]],
)
def test_misuse_has_exit_status_2(run, arguments):
    assert run(*arguments)[0] == 2


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(path):
    result = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"})

    assert result.exit_code == 0
    assert f"Example: sentimo {' '.join(path)}" in result.stdout


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_has_help(path):
    command = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]

    assert [each.name for each in command.params if not getattr(each, "help", None)] == []


def test_the_package_runs_as_a_module():
    found = subprocess.run([sys.executable, "-m", "sentimo", "--version"], capture_output=True, text=True, check=True)

    assert found.stdout == f"sentimo {sentimo.__version__}\n"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_pipe_takes_any_text_whatever_the_encoding_of_the_system(options):
    done = subprocess.run(
        [sys.executable, "-m", "sentimo", "analyze", "I love it 😀", *options],
        env={**os.environ, "PYTHONIOENCODING": "gbk", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "😀" in done.stdout.decode("utf-8")
