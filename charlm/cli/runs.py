"""The run that a command uses."""

import argparse

from charlm.run import Run, load


def add_run(parser: argparse.ArgumentParser) -> None:
    """Adds the run that a command uses, as `folder`."""
    parser.add_argument("folder", metavar="RUN", help="a run's folder, or any folder with a bundle")


def open_run(options: argparse.Namespace, verb: str) -> Run:
    """Opens the run that a command uses, before anything else is read.

    Args:
        options: with the `folder`.
        verb: what the command does, as `Run.info` tells.

    Raises:
        BundleError, ConfigError: it is no bundle, or one of a task that cannot do it.
    """
    trained = load(options.folder)
    trained.check(verb)
    return trained
