"""`dbmimic verify`"""

from __future__ import annotations

from dbmimic.cli.options import ConfigFile, Json, Log, Quiet, Source, Target, Verbose, settings_of
from dbmimic.model.report import RunReport
from dbmimic.ports.listener import Listener


def verify(
    config: ConfigFile = None,
    source: Source = None,
    target: Target = None,
    json: Json = False,
    log_format: Log = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Check the copy that stands at the target against the source as it is now. Status 0 means verified."""
    from dbmimic import refresh, wiring
    from dbmimic.cli.render.outcome import conclude

    settings = settings_of(config, source, target, log_format)

    def run(listener: Listener) -> RunReport:
        return wiring.verify(settings, listener=listener)

    conclude(lambda listener: refresh.checked(settings, run, listener), json=json, quiet=quiet, verbose=verbose)
