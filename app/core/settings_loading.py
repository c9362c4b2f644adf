"""Loading the settings of a process: read, checked, and completed with what a development installation makes itself.

All mistakes are reported at once, in plain words, with the names of the variables. A process requires only the settings
that it uses.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from app.core.errors import ConfigurationError
from app.core.installation_secret import development_secret
from app.core.local_tenant import local_client
from app.core.processes import ProcessKind
from app.core.settings import ENV_FILE, Settings
from app.core.settings_checks import all_mistakes, unset_database_mistakes
from app.core.state import DATABASE, SECRET, TENANT
from app.core.variables import retired_in_use, variable


def load(
    process: ProcessKind, *, app: Path | None = None, state: Path | None = None, env_file: Path | None = ENV_FILE
) -> Settings:
    """Read and check everything ``process`` needs, and make what a development installation still lacks.

    In development a missing secret is made and kept in the state folder (mode 600), and a local tenant's client is read
    from ``tenant/client.json`` in it.

    Args:
        process: Which process is starting.
        app: Script of the hosted app, where the command line names it.
        state: The state folder, instead of the configured one.
        env_file: The file beside the environment.

    Raises:
        ConfigurationError: with every mistake.
    """
    settings = read(process, app=app, state=state, env_file=env_file)
    values: dict[str, Any] = {}
    folder = settings.state_folder
    client = folder / TENANT / "client.json"
    if settings.local_tenant and (process is not ProcessKind.CLI or client.exists()):
        values.update(local_client(client, process))
    if not settings.gatehouse_secret:
        values["gatehouse_secret"] = (SecretStr(development_secret(folder / SECRET)),)
    return settings.completed(values)


def read(
    process: ProcessKind, *, app: Path | None = None, state: Path | None = None, env_file: Path | None = ENV_FILE
) -> Settings:
    """Read and check as ``load`` does, and write nothing: neither a secret nor a folder is made.

    What the hosted app declares is this process's catalogue from then on.

    Raises:
        ConfigurationError: with every mistake.
    """
    chosen: dict[str, Any] = {"gatehouse_app": app, "gatehouse_state": state}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    mistakes: list[str] = []
    try:
        settings = Settings(_env_file=env_file, **chosen)
    except ValidationError as error:
        mistakes += _in_plain_words(error)
        # A setting that could not be read counts as its default, so that all other mistakes are found too.
        wrong = {_field_of(mistake["loc"]) for mistake in error.errors() if mistake["loc"]}
        defaults = {name: Settings.model_fields[name].default for name in wrong}
        settings = Settings(_env_file=env_file, **chosen, **defaults)
    if "database_url" not in settings.model_fields_set:
        mistakes += unset_database_mistakes(settings)
        settings = settings.model_copy(update={"database_url": f"sqlite:///{settings.state_folder / DATABASE}"})
    mistakes += all_mistakes(settings, process)
    mistakes += retired_in_use(Settings, os.environ, env_file, settings.gatehouse_app, production=settings.production)
    if mistakes:
        raise ConfigurationError(mistakes)
    return settings


def _field_of(location: tuple[int | str, ...]) -> str:
    """The field of the settings that an error of pydantic is about; it may name it by a variable."""
    name = str(location[0])
    by_variable = {variable(field): field for field in Settings.model_fields}
    return name if name in Settings.model_fields else by_variable.get(name, name.lower())


def _in_plain_words(error: ValidationError) -> list[str]:
    """The library's errors as sentences; the value is never repeated, because it may be a secret."""
    sentences = []
    for mistake in error.errors(include_url=False, include_input=False):
        field = _field_of(mistake["loc"]) if mistake["loc"] else ""
        text = f"{mistake['msg']}."
        if mistake["type"] == "string_pattern_mismatch" and field in Settings.model_fields:
            description = Settings.model_fields[field].description
            text = f"The value does not have the required form, {mistake['ctx']['pattern']}. It is: {description}"
        sentences.append(f"{variable(field) if field else 'The settings'}: {text}")
    return sentences
