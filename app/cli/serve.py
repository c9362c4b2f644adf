"""``gatehouse serve``: the app, or a hosted app, behind sign-in and permission checks."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click
import structlog

from app import services as composition
from app.cli import preflight
from app.cli.command import InstallationCommand
from app.cli.installation import NamedInstallation
from app.cli.options import script_argument
from app.core import logs, settings_loading
from app.core.errors import ConfigurationError
from app.core.hosted_app_config import load_hosted_app_config
from app.core.settings import ProcessKind, Settings
from app.core.unknown_settings import unknown_settings
from app.server import install_protocols, raise_open_file_limit, warn_of_few
from db import require_ready, require_secret


@click.command("serve", cls=InstallationCommand, reports_settings=True)
@script_argument
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on (default: the one in GATEHOUSE_APP_BASE_URL).")
@click.pass_obj
def serve(named: NamedInstallation, *, address: str, port: int | None) -> int:
    """Start the app.

    With SCRIPT a Streamlit script of your own is served, behind the same sign-in and permission checks.
    """
    return run_app(address, port, named.script, named.state)


def run_app(address: str, port: int | None, script: Path | None = None, state: Path | None = None) -> int:
    """Run the app until it is stopped; returns the exit status.

    Args:
        address: Address to listen on.
        port: Port to listen on, instead of the one in ``GATEHOUSE_APP_BASE_URL``.
        script: Script of a hosted app, in place of the product's pages.
        state: The state folder, instead of the configured one.
    """
    hosted_script = script.resolve() if script is not None else None
    settings = _checked_settings(address, port, hosted_script, state)
    from app import hosted  # noqa: PLC0415 - Streamlit loads slowly; only this needs it
    from app.asgi import SCRIPT, create_app, streamlit_options  # noqa: PLC0415 - the same

    logs.configure(process="app", json_lines=settings.production)
    for sentence in unknown_settings():
        structlog.get_logger(__name__).warning(sentence)
    config = load_hosted_app_config(hosted_script) if hosted_script is not None else None
    warn_of_few(settings, raise_open_file_limit())
    built = composition.build(settings)
    built.storage.check()
    built.secret_keys.start()
    composition.install(built)
    # Forwarded headers count by GATEHOUSE_TRUSTED_PROXIES only: uvicorn would trust every process of this machine.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    # Streamlit looks for its configuration, secrets and modules beside the program it believes it was started as.
    sys.argv = [str(hosted_script or Path(__file__).parents[1] / "__main__.py")]
    app = create_app(built, script=hosted_script or SCRIPT, hosted=config)
    options = streamlit_options(built, address=address, port=_port_of(settings, port), hosted=config is not None)
    if hosted_script is not None and config is not None:
        hosted.install(hosted.Hosted(hosted_script, config))
        hosted.free_module_names(hosted_script.parent)
    install_protocols(built.admission)
    app.run(config=options)
    return 0


def _checked_settings(address: str, port: int | None, script: Path | None, state: Path | None) -> Settings:
    """Return the settings to serve ``script`` with, after every check; nothing is written before.

    Raises:
        ConfigurationError: with every mistake.
        StorageUnavailable: if the database does not exist or has another version.
    """
    preflight.require_script(script)
    settings = preflight.read_settings([ProcessKind.APP], script, state)
    listener = preflight.Listener("app", address, _port_of(settings, port))
    if mistakes := preflight.start_mistakes(settings, script, [listener]):
        raise ConfigurationError(mistakes)
    require_ready(settings.database_url)
    require_secret(settings)
    return settings_loading.load(ProcessKind.APP, app=script, state=state)


def _port_of(settings: Settings, port: int | None) -> int:
    return port if port is not None else urlsplit(settings.app_base_url).port or 8501
