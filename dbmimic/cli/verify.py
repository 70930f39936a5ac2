"""`dbmimic verify`"""

from __future__ import annotations

from dbmimic.cli.options import ConfigFile, Json, Quiet, Source, Target, Verbose


def verify(
    config: ConfigFile = None,
    source: Source = None,
    target: Target = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Check the copy that stands at the target against the source as it is now. Status 0 means verified."""
    from dbmimic import hosting, wiring
    from dbmimic.cli.render.outcome import conclude

    settings = hosting.load_config(config, source=source, target=target)
    conclude(lambda listener: wiring.verify(settings, listener=listener), json=json, quiet=quiet, verbose=verbose)
