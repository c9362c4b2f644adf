"""Guards of commands and settings."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="dev refuses mistakes before it starts",
        at="app.cli.dev:run",
        without="_mistakes(...)",
        instead="list[str]()",
        test="tests/app/cli/test_preflight.py::test_dev_refuses_a_tenant_port_that_does_not_exist[99999999999]",
    ),
    Removal(
        guard="dev checks the database before it writes",
        at="app.cli.dev:run",
        without="require_migratable(...)",
        test=(
            "tests/app/cli/test_preflight.py"
            "::test_a_refusal_comes_before_anything_is_written_or_started[newer_database-dev]"
        ),
    ),
    Removal(
        guard="serve refuses mistakes before it starts",
        at="app.cli.serve:_checked_settings",
        without="preflight.start_mistakes(...)",
        instead="list[str]()",
        test=(
            "tests/app/cli/test_preflight.py"
            "::test_a_refusal_comes_before_anything_is_written_or_started[pages_folder-serve]"
        ),
    ),
    Removal(
        guard="serve checks the database before it writes",
        at="app.cli.serve:_checked_settings",
        without="require_ready(...)",
        test=(
            "tests/app/cli/test_preflight.py"
            "::test_a_refusal_comes_before_anything_is_written_or_started[newer_database-serve]"
        ),
    ),
    Removal(
        guard="the .env file of a hosted app is ignored",
        at="app.core.variables:GatehouseFile._read_env_file",
        without="not belongs_to_hosted_app(file_path, self._script)",
        instead="True",
        test="tests/app/core/test_variables.py::test_the_env_file_of_a_hosted_app_sets_nothing[cli]",
    ),
    Removal(
        guard="settings are read with their prefix only",
        at="app.core.settings:Settings.model_config",
        without="env_prefix=PREFIX",
        test="tests/app/core/test_variables.py::test_neither_parent_folders_nor_the_environment_are_read",
    ),
    Removal(
        guard="retired variables are refused",
        at="app.core.settings_loading:read",
        without="mistakes += retired_in_use(...)",
        test=(
            "tests/app/core/test_variables.py"
            "::test_a_retired_name_in_our_own_file_is_refused_with_the_new_one[DATABASE_URL]"
        ),
    ),
    Removal(
        guard="a hosted app in production must name its database",
        at="app.core.settings_loading:read",
        without="mistakes += unset_database_mistakes(settings)",
        test="tests/app/core/test_variables.py::test_production_beside_a_hosted_app_does_not_start_on_a_new_empty_database",
    ),
    Removal(
        guard="a command uses the installation of the script that it names",
        at="app.cli.installation:use_installation",
        without="os.environ.update(...)",
        test=(
            "tests/app/cli/test_installation_options.py"
            "::test_the_command_of_the_message_makes_the_database_that_serve_and_all_others_use[False]"
        ),
    ),
    Removal(
        guard="all processes host the same app",
        at="app.cli.installation:use_installation",
        without="script and configured and configured.resolve() != script and not overrides_app",
        instead="False",
        test=(
            "tests/app/cli/test_installation_options.py"
            "::test_another_script_than_that_of_the_other_processes_is_refused[roles list]"
        ),
    ),
    Removal(
        guard="an option's name is not accepted as the value of another option",
        at="app.cli.command:InstallationCommand.parse_args",
        without='takes_value and value.partition("=")[0] in options',
        instead="False",
        test=(
            "tests/app/cli/test_command_line.py"
            "::test_a_usage_error_is_status_2_and_runs_nothing[people erase 1 --reason --yes]"
        ),
    ),
    Removal(
        guard="a command that needs one of two options takes exactly one",
        at="app.cli.command:InstallationCommand.parse_args",
        without="self._exactly_one_of and len(passed) != 1 and not ctx.resilient_parsing",
        instead="False",
        test=(
            "tests/app/cli/test_command_line.py"
            "::test_a_usage_error_is_status_2_and_runs_nothing"
            "[grants revoke 1 --role a --permission b --reason x]"
        ),
    ),
    Removal(
        guard="state is not kept among the files of a hosted app",
        at="app.core.state:folder_mistake",
        without="script is not None and folder.resolve() in script.resolve().parents",
        instead="False",
        test="tests/app/core/test_variables.py::test_the_state_is_never_mixed_with_the_files_of_the_app[.]",
    ),
    Removal(
        guard="sample people are added only with the local tenant, and never in production",
        at="app.cli.sample_data:add_tenant_people",
        without="if settings.production or not settings.local_tenant: ...",
        test="tests/app/cli/test_sample_data.py::test_with_a_real_provider_nothing_is_added[Auth0]",
    ),
    Removal(
        guard="sample people are added only to a database without any person",
        at="db.sample_people:add_sample_people",
        without="if unit.has_people(): ...",
        test="tests/app/cli/test_sample_data.py::test_a_database_with_a_person_gets_nothing",
    ),
    Removal(
        guard="a state folder is kept out of Git",
        at="app.core.state:make_private_folder",
        without="with suppress(FileExistsError), open(...) as file: ...",
        test="tests/app/core/test_variables.py::test_git_sees_no_state_beside_an_app",
    ),
]
