"""Guards of the nginx configuration."""

from __future__ import annotations

from typing import Final

from tests.nginx import nginx
from tests.security.guard_removal import TextRemoval

REMOVALS: Final[list[TextRemoval]] = [
    TextRemoval(
        guard="a request for media of a tab is repeated at the next process",
        file="deploy/nginx.conf",
        without=(
            "/media/ {\n            proxy_pass http://app;\n            proxy_next_upstream error timeout http_404;\n"
        ),
        instead="/media/ {\n            proxy_pass http://app;\n",
        test="tests/security/test_behind_nginx.py::test_files_of_a_tab_are_found_in_every_process[media]",
        needs=nginx,
    ),
    TextRemoval(
        guard="calls of the pages are not limited by the app's address",
        file="deploy/nginx.conf",
        without='        1       "";\n',
        test="tests/security/test_behind_nginx.py::test_calls_of_the_pages_are_not_limited_by_the_apps_address",
        needs=nginx,
    ),
    TextRemoval(
        guard="other calls of the API are rate-limited by address",
        file="deploy/nginx.conf",
        without="        limit_req zone=api_requests burst=500 nodelay;\n",
        test="tests/security/test_behind_nginx.py::test_calls_from_elsewhere_are_limited_by_address",
        needs=nginx,
    ),
    TextRemoval(
        guard="the number of concurrent calls of the API is limited",
        file="deploy/nginx.conf",
        without="        limit_conn api_connections 100;\n",
        test=(
            "tests/security/test_behind_nginx.py"
            "::test_only_the_app_may_have_more_than_a_hundred_calls_under_way[elsewhere]"
        ),
        needs=nginx,
    ),
    TextRemoval(
        guard="an upload of a tab is repeated at the next process",
        file="deploy/nginx.conf",
        without="So on 404 ask the next process.\n            proxy_next_upstream error timeout http_404;\n",
        instead="So on 404 ask the next process.\n",
        test="tests/security/test_behind_nginx.py::test_files_of_a_tab_are_found_in_every_process[uploads]",
        needs=nginx,
    ),
]
