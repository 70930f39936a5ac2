"""The command line, with a small copy cut into orders for workers as only a large one is."""

from dbmimic import __main__ as command
from dbmimic.cli import copy
from dbmimic.pipeline import units


def main() -> None:
    copy._WORTH_A_CREW = 0
    units._SMALLEST_ORDER = 1 << 14
    command.main()
