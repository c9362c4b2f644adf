"""An embedded, Auth0-compatible OpenID provider with made-up people; for development and tests on loopback only.

It shares no code with what it stands in for and nothing but tests imports it: it runs as a process of its own
(``python -m component.dev_tenant``). It must never run in production or beside a real tenant. Sources: OpenID Connect
Core 1.0, RFC 6749, RFC 7636, RFC 9207, RFC 9700, OpenID Connect Back-Channel Logout 1.0, Auth0's documentation.
"""

from component.dev_tenant.config import TenantConfig, TenantError
from component.dev_tenant.people import TenantUser
from component.dev_tenant.routes import create_app
from component.dev_tenant.tenant import Tenant, tenant_of

__all__ = ["Tenant", "TenantConfig", "TenantError", "TenantUser", "create_app", "tenant_of"]
