"""The tenant's addresses, as Auth0 has them, and the factory that makes the whole application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from authlib.oauth2 import OAuth2Error
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from component.dev_tenant.authorize import Authorizer, Unanswerable
from component.dev_tenant.config import TenantConfig
from component.dev_tenant.grant_types import make_server
from component.dev_tenant.logout import LogoutRefused, log_out, plan_logout
from component.dev_tenant.oauth import Refusal
from component.dev_tenant.pages import Pages
from component.dev_tenant.people import OIDC_SCOPES, ROLES_CLAIM
from component.dev_tenant.request_checks import (
    Buckets,
    MalformedRequest,
    Params,
    RequestMiddleware,
    read_form,
    read_query,
)
from component.dev_tenant.server import NO_STORE, TenantRequest, TenantServer, client_proof
from component.dev_tenant.tenant import Tenant
from component.dev_tenant.tokens import MFA_ACR

_GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
_PAGES = ("/authorize", "/u/", "/v2/", "/oidc/")


def create_app(config: TenantConfig) -> Starlette:
    """A tenant as an ASGI application. Raises ``TenantError``.

    ``tenant_of(app)`` gives its levers; its state file is closed at the application's shutdown.
    """
    tenant = Tenant(config)
    server = make_server(tenant)
    pages = Pages(tenant, Authorizer(tenant, server))
    endpoints = _Endpoints(tenant, server, pages)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        yield
        tenant.close()

    app = Starlette(
        routes=[*endpoints.routes(), *pages.routes()],
        middleware=[Middleware(RequestMiddleware, config=config)],
        exception_handlers={MalformedRequest: endpoints.malformed},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.tenant = tenant
    return app


class _Endpoints:
    """Everything but the pages."""

    def __init__(self, tenant: Tenant, server: TenantServer, pages: Pages) -> None:
        self._tenant = tenant
        self._server = server
        self._pages = pages
        self._authorizer = Authorizer(tenant, server)
        self._failures = Buckets(tenant.config.token_failures_per_minute)

    def routes(self) -> list[Route]:
        """The addresses."""
        return [
            Route("/healthz", self.health, methods=["GET"]),
            Route("/.well-known/openid-configuration", self.discovery, methods=["GET"]),
            Route("/.well-known/jwks.json", self.key_set, methods=["GET"]),
            Route("/authorize", self.authorize, methods=["GET"]),
            Route("/oauth/token", self.token, methods=["POST"]),
            Route("/oauth/revoke", self.revoke, methods=["POST"]),
            Route("/userinfo", self.userinfo, methods=["GET", "POST"]),
            Route("/v2/logout", self.logout_v2, methods=["GET"]),
            Route("/oidc/logout", self.logout_oidc, methods=["GET", "POST"]),
        ]

    async def malformed(self, request: Request, error: Exception) -> Response:
        """What is not worth looking into: a page for people, Auth0's JSON for programs."""
        status, detail = (error.status, error.detail) if isinstance(error, MalformedRequest) else (400, "")
        if request.scope["path"].startswith(_PAGES):
            return self._pages.message("This link does not work", f"{detail}.", status=status)
        body = {"error": "invalid_request", "error_description": detail}
        return JSONResponse(body, status_code=status, headers=NO_STORE)

    async def health(self, request: Request) -> Response:
        """Ready."""
        del request
        return PlainTextResponse("ready\n")

    async def discovery(self, request: Request) -> Response:
        """OpenID Connect Discovery 1.0 §3."""
        del request
        issuer = self._tenant.config.issuer
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}authorize",
                "token_endpoint": f"{issuer}oauth/token",
                "userinfo_endpoint": f"{issuer}userinfo",
                "revocation_endpoint": f"{issuer}oauth/revoke",
                "end_session_endpoint": f"{issuer}oidc/logout",
                "jwks_uri": f"{issuer}.well-known/jwks.json",
                "scopes_supported": sorted(OIDC_SCOPES),
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": list(_GRANT_TYPES),
                "code_challenge_methods_supported": ["S256"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "acr_values_supported": [MFA_ACR],
                "prompt_values_supported": ["none", "login", "select_account", "consent"],
                "claims_supported": _CLAIMS,
                "authorization_response_iss_parameter_supported": True,
                "backchannel_logout_supported": True,
                "backchannel_logout_session_supported": True,
                "request_parameter_supported": False,
                "request_uri_parameter_supported": False,
            }
        )

    async def key_set(self, request: Request) -> Response:
        """RFC 7517 §5."""
        del request
        return JSONResponse(self._tenant.keys.public())

    async def authorize(self, request: Request) -> Response:
        """RFC 6749 §4.1.1, OpenID Connect Core §3.1.2."""
        params = read_query(request)
        try:
            self._authorizer.check(params)
        except Unanswerable:
            text = "Its client id or its return address is not registered at this tenant. Go back to the app and retry."
            return self._pages.message("This sign-in link does not work", text, status=400)
        except OAuth2Error as error:
            return self._authorizer.redirect(error)
        session = self._tenant.store.session(request.cookies.get(self._pages.session_cookie, ""))
        pending = self._authorizer.begin(params, session)
        return self._authorizer.silent_refusal(pending) or self._pages.begin(request, pending)

    async def token(self, request: Request) -> Response:
        """RFC 6749 §3.2. Failures of one client from one address are limited."""
        params = await read_form(request)
        tenant_request = TenantRequest("POST", params, headers=request.headers)
        key = self._bucket(request, tenant_request)
        wait = self._failures.wait_seconds(key)
        if wait:
            limit = {"Retry-After": str(wait), "X-RateLimit-Remaining": "0"}
            body = {"error": "too_many_attempts", "error_description": "Too many failed attempts; wait and try again."}
            return JSONResponse(body, status_code=429, headers={**NO_STORE, **limit})
        mistake = _mistake(params)
        if mistake is not None:
            response = self._authorizer.redirect(mistake)
        else:
            response = self._server.create_token_response(tenant_request)
        if response.status_code >= 400:  # noqa: PLR2004 - where HTTP's errors begin
            self._failures.take(key)
        return response

    async def revoke(self, request: Request) -> Response:
        """RFC 7009."""
        params = await read_form(request)
        tenant_request = TenantRequest("POST", params, headers=request.headers)
        key = self._bucket(request, tenant_request)
        response: Response = self._server.create_endpoint_response("revocation", tenant_request)
        if response.status_code >= 400:  # noqa: PLR2004 - where HTTP's errors begin
            self._failures.take(key)
        return response

    async def userinfo(self, request: Request) -> Response:
        """OpenID Connect Core §5.3; the token comes in one ``Authorization`` header and nowhere else."""
        values = request.headers.getlist("authorization")
        scheme, _, token = (values[0] if len(values) == 1 else "").partition(" ")
        granted = self._tenant.issued_grants.access_token(token.strip()) if scheme.lower() == "bearer" else None
        person = self._tenant.active_person(granted[0].person) if granted else None
        if granted is None or person is None or "openid" not in granted[1]:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"' if values else "Bearer"}
            body = {"error": "invalid_token", "error_description": "Unauthorized"}
            return JSONResponse(body, status_code=401, headers={**NO_STORE, **challenge})
        return JSONResponse(person.claims(granted[1]), headers=NO_STORE)

    async def logout_v2(self, request: Request) -> Response:
        """Auth0's own sign-out."""
        return self._log_out(request, read_query(request), "returnTo")

    async def logout_oidc(self, request: Request) -> Response:
        """OpenID Connect RP-Initiated Logout 1.0."""
        params = await read_form(request) if request.method == "POST" else read_query(request)
        return self._log_out(request, params, "post_logout_redirect_uri")

    def _log_out(self, request: Request, params: Params, return_name: str) -> Response:
        cookie = request.cookies.get(self._pages.session_cookie, "")
        try:
            plan = plan_logout(self._tenant, params, cookie, return_name=return_name)
        except LogoutRefused as refused:
            return self._pages.message("This sign-out link does not work", str(refused), status=400)
        log_out(self._tenant, plan)
        if plan.location:
            response: Response = RedirectResponse(plan.location, status_code=302, headers=NO_STORE)
        else:
            text = "You are signed out of the development tenant."
            response = self._pages.message("Signed out", text, status=200)
        response.delete_cookie(self._pages.session_cookie, path="/", httponly=True, samesite="lax")
        return response

    def _bucket(self, request: Request, tenant_request: TenantRequest) -> str:
        """Whose failures are counted: this address together with the client it claims to be, if there is such a one."""
        try:
            claimed = client_proof(tenant_request)[0]
        except OAuth2Error:
            claimed = ""
        known = claimed if self._server.query_client(claimed) else ""
        return f"{request.client.host if request.client else ''} {known}"


def _mistake(params: Params) -> Refusal | None:
    """What is wrong with a token request before its grant is looked for."""
    grant_type = params.get("grant_type", [""])[0]
    if any(len(values) > 1 for values in params.values()):
        return Refusal("invalid_request", "A parameter is repeated", status=400)
    if not grant_type:
        return Refusal("invalid_request", "Missing required parameter: grant_type", status=400)
    if grant_type not in _GRANT_TYPES:
        return Refusal("unsupported_grant_type", "Unsupported grant type")
    return None


_CLAIMS = [
    *("acr", "amr", "aud", "auth_time", "email", "email_verified", "exp", "iat", "iss", "name", "nickname"),
    *("org_id", "picture", "sid", "sub", "updated_at", ROLES_CLAIM),
]
