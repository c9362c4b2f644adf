"""Environment variables of the settings: their names, their retired names, and whose file an ``.env`` is.

Gatehouse runs in the environment of other programs, of a hosted app above all. So it reads nothing there that does not
carry its own prefix, except the four ``AUTH0_*`` variables, and these never from the ``.env`` of a hosted app.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from pydantic import AliasChoices
from pydantic_settings import BaseSettings, DotEnvSettingsSource

PREFIX: Final = "GATEHOUSE_"
AUTH0_ALIASES: Final = ("AUTH0_DOMAIN", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET", "AUTH0_AUDIENCE")
"""Read without the prefix as well: the names under which Auth0's own dashboard and guides give these values."""
RETIRED: Final = (
    "AUTH0_ROLES_CLAIM",
    "OIDC_ISSUER",
    "APP_BASE_URL",
    "REMOTE_API_BASE_URL",
    "DATABASE_URL",
    "TOKEN_ALGORITHMS",
    "TOKEN_LEEWAY_SECONDS",
    "JWKS_COOLDOWN_SECONDS",
    "TOKEN_RIGHTS_MAX_AGE_SECONDS",
    "SESSION_IDLE_SECONDS",
    "SESSION_ABSOLUTE_SECONDS",
    "SIGN_IN_MODE",
    "DEFAULT_ROLE",
    "TRUSTED_PROXIES",
    "PICTURE_HOSTS",
    "API_RATE_LIMIT",
    "API_CHANGE_RATE_LIMIT",
    "RATE_LIMIT_STORAGE",
)
"""Names that were read without the prefix once."""
SOURCE_TREE: Final = Path(__file__).resolve().parents[2]


def variable(field: str) -> str:
    """Return the name of the variable that sets ``field`` of ``Settings``."""
    name = field.upper()
    return name if name.startswith(PREFIX) else f"{PREFIX}{name}"


def with_alias(name: str) -> AliasChoices:
    """Return the validation alias of one of the four ``AUTH0_*`` settings; the prefixed variable wins."""
    return AliasChoices(f"{PREFIX}{name}", name)


def known_variables(settings: type[BaseSettings]) -> tuple[str, ...]:
    """Return every variable that ``settings`` reads."""
    return (*(variable(field) for field in settings.model_fields), *AUTH0_ALIASES)


def belongs_to_hosted_app(env_file: Path, script: Path | None) -> bool:
    """Return whether ``env_file`` is meant for the hosted app ``script`` rather than for Gatehouse.

    python-dotenv looks for it in the folder of the script and in all folders above. The source tree of Gatehouse is an
    exception: its ``.env`` is Gatehouse's own, also for an app inside the tree.
    """
    folder = env_file.parent.resolve()
    return script is not None and folder in script.resolve().parents and folder != SOURCE_TREE


def hosted_script(environment: Mapping[str, str], env_file: Path | None) -> Path | None:
    """Return the script that ``GATEHOUSE_APP`` names, in the environment or else in the file."""
    path = configured(f"{PREFIX}APP", environment, env_file)
    return Path(path) if path else None


def configured(name: str, environment: Mapping[str, str], env_file: Path | None) -> str | None:
    """Return the value of a prefixed variable, in the environment or else in the file; None or empty for none."""
    return environment.get(name) or _read(env_file).get(name)


def retired_in_use(
    settings: type[BaseSettings],
    environment: Mapping[str, str],
    env_file: Path | None,
    script: Path | None,
    *,
    production: bool,
) -> list[str]:
    """Return a mistake for each retired name that was plainly meant for Gatehouse, and whose new name is not set.

    That is one in Gatehouse's own ``.env``, and in production without a hosted app also one in the environment: an
    installation that was configured under the old names must not start with the defaults instead.
    """
    own = {} if env_file is None or belongs_to_hosted_app(env_file, script) else _read(env_file)
    places: list[tuple[Mapping[str, str | None], str]] = [(own, str(env_file))]
    if production and script is None:
        places.append(({**environment}, "the environment"))
    current = set(known_variables(settings)) & ({*environment} | {*_read(env_file)})
    return [
        f"{old} in {place} is not read: the setting is called {PREFIX}{old}. Rename it; if it is meant for something "
        f"else, set {PREFIX}{old} beside it."
        for values, place in places
        for old in RETIRED
        if values.get(old) and f"{PREFIX}{old}" not in current
    ]


def ignored_names(environment: Mapping[str, str], env_file: Path, script: Path | None) -> Iterator[str]:
    """Yield a sentence for each variable that may have been meant for Gatehouse and is not read where it stands.

    A retired name in the environment may be the hosted app's own, so it is no mistake; setting the current name beside
    it ends the sentence.
    """
    values = _read(env_file)
    for old in RETIRED:
        if environment.get(old) and not (environment.get(f"{PREFIX}{old}") or values.get(f"{PREFIX}{old}")):
            yield f"{old} in the environment is not read: the setting is called {PREFIX}{old}."
    if belongs_to_hosted_app(env_file, script):
        for name in AUTH0_ALIASES:
            if values.get(name):
                yield f"{name} in {env_file} belongs to the hosted app: Gatehouse reads {PREFIX}{name} there."


class GatehouseFile(DotEnvSettingsSource):
    """The variables of ``.env`` that are Gatehouse's: those with its prefix, and the aliases in its own file."""

    def __init__(self, settings: type[BaseSettings], *, env_file: Path | None, script: Path | None) -> None:
        self._script = script
        super().__init__(settings, env_file=env_file, dotenv_filtering="only_existing")

    def _read_env_file(self, file_path: Path) -> Mapping[str, str | None]:
        values = super()._read_env_file(file_path)
        if not belongs_to_hosted_app(file_path, self._script):
            return values
        return {name: value for name, value in values.items() if name.upper().startswith(PREFIX)}


def _read(env_file: Path | None) -> dict[str, str | None]:
    if env_file is None or not env_file.is_file():
        return {}
    return {name.upper(): value for name, value in dotenv_values(env_file, interpolate=False).items()}
