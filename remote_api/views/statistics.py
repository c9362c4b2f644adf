"""Statistics of the installation, and what needs attention."""

from __future__ import annotations

from datetime import timedelta

from flask import current_app
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core.contract.base import construct
from app.core.contract.statistics import AttentionBody, StatisticsBody, StatisticsQuery
from app.core.permissions import Permission
from remote_api.access import requires
from remote_api.services import services
from remote_api.views.mappings import IMPLICIT_ROLE_MAPPING
from remote_api.views.reports import day_body
from remote_api.views.sessions import IDLE_SECONDS

api = APIBlueprint(
    "statistics",
    __name__,
    url_prefix="/api/v1/statistics",
    abp_tags=[Tag(name="statistics", description="The installation in numbers.")],
)


@api.get("", responses={200: StatisticsBody})
@requires(Permission.READ_STATISTICS)
def statistics(query: StatisticsQuery) -> StatisticsBody:
    """Return counts of people, sessions and roles, and what needs attention."""
    now, idle = services().clock(), timedelta(seconds=current_app.config[IDLE_SECONDS])
    numbers = services().storage.administration.statistics(
        now, days=query.days, seen_since=now - idle, implicit_role_mapping=current_app.config[IMPLICIT_ROLE_MAPPING]
    )
    attention = numbers.attention
    return construct(
        StatisticsBody,
        people=numbers.people,
        machines=numbers.machines,
        sessions=numbers.sessions,
        roles=numbers.roles,
        days=tuple([day_body(day) for day in numbers.days]),
        attention=construct(
            AttentionBody,
            unused_roles=attention.unused_roles,
            permissions_held_by_nobody=attention.ungranted_permissions,
            permissions_asked_nowhere=attention.unguarded_permissions,
            unmapped_token_roles=attention.unmapped_token_roles,
            people_without_roles=attention.people_without_roles,
            blocked_people=attention.blocked_people,
            administrators=attention.administrators,
        ),
    )
