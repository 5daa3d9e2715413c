"""`charlm corpus`."""

import argparse
import json

from charlm import datasets
from charlm.options import unknown_name
from charlm.tasks import series

DESCRIPTION = """\
Lists the corpora that have a name, and fetches those that are not built in.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    actions = parser.add_subparsers(metavar="list|fetch", required=True, dest="action")
    listing = actions.add_parser("list", help="list the corpora")
    listing.add_argument("--json", action="store_true", help="print one JSON object per corpus")
    fetching = actions.add_parser("fetch", help="download a corpus and verify its size and sha256")
    for action in (listing, fetching):
        action.add_argument("--debug", action="store_true", help="show the traceback of an error")
    fetching.add_argument("name", metavar="NAME", help="a name that `charlm corpus list` shows")


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    if options.action == "list":
        _list(as_json=options.json)
    else:
        _fetch(options.name)


def _list(*, as_json: bool) -> None:
    rows = [
        {"name": name, "where": "built in", "licence": corpus.licence, "summary": corpus.summary}
        for name, corpus in datasets.BUILT_IN.items()
    ]
    for name, (_, summary) in series.SERIES.items():
        rows.append({"name": name, "where": "built in", "licence": "MIT", "summary": summary})
    for name in datasets.TASKS:
        rows.append({"name": name, "where": "built in", "licence": "MIT", "summary": datasets.task_summary(name)})
    for entry in datasets.read_catalogue().values():
        where = "fetched" if entry.path.is_file() else f"{entry.bytes:,} bytes to fetch"
        rows.append({"name": entry.name, "where": where, "licence": entry.licence, "summary": entry.summary})
    for row in rows:
        print(json.dumps(row) if as_json else f"{row['name']:18}{row['where']:26}{row['licence']:16}{row['summary']}")


def _fetch(name: str) -> None:
    catalogue = datasets.read_catalogue()
    if name in (*datasets.BUILT_IN, *datasets.TASKS, *series.SERIES):
        print(f"{name} is built in: there is nothing to fetch.")
    elif name in catalogue:
        print(datasets.fetch(catalogue[name]))
    else:
        raise unknown_name(name, [*datasets.BUILT_IN, *datasets.TASKS, *series.SERIES, *catalogue], noun="corpus")
