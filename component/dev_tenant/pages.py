"""The pages of the tenant: the choice of a user, the simulated second factor, consent, and plain messages.

Each form carries the token of its sign-in, which only works in the browser that started it; a foreign ``Origin``
is refused. Jinja escapes every value; there is no script. The texts are in ``templates``.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from component.dev_tenant.authorize import Authorizer, Signed
from component.dev_tenant.people import PERMISSIONS, ROLES, TenantUser, timestamp
from component.dev_tenant.request_checks import Buckets, Params, read_form
from component.dev_tenant.store import Pending
from component.dev_tenant.tenant import Tenant

_TEMPLATES = Path(__file__).parent / "templates"
_ASSETS = {"tenant.css": "text/css", "icon.svg": "image/svg+xml"}
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
_MAX_NAME_CHARACTERS = 80
_MAX_EMAIL_CHARACTERS = 254
_MAX_INVENTED_SUBJECTS = 50
_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class _Visit:
    """A form post that belongs to a sign-in of this browser."""

    token: str
    pending: Pending
    form: Params

    def value(self, name: str) -> str:
        """The first value of a field; empty when absent."""
        return self.form.get(name, [""])[0]


class Pages:
    """Draws pages and takes their forms."""

    def __init__(self, tenant: Tenant, authorizer: Authorizer) -> None:
        self._tenant = tenant
        self._authorizer = authorizer
        self._sign_ins = Buckets(tenant.config.sign_ins_per_minute)
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        suffix = tenant.config.cookie_suffix
        self.session_cookie = f"auth0_{suffix}"
        self._browser_cookie = f"auth0_browser_{suffix}"

    def routes(self) -> list[Route]:
        """The pages' own addresses."""
        return [
            Route("/u/login", self.show_login, methods=["GET"]),
            Route("/u/login", self.submit_login, methods=["POST"]),
            Route("/u/step", self.show_step, methods=["GET"]),
            Route("/u/step", self.submit_step, methods=["POST"]),
            Route("/u/{name}", self.asset, methods=["GET"]),
        ]

    async def asset(self, request: Request) -> Response:
        """The style sheet and the icon."""
        name = request.path_params["name"]
        if name not in _ASSETS:
            return self.message("There is nothing here", "Go back to the app and sign in again.", status=404)
        return FileResponse(_TEMPLATES / name, media_type=_ASSETS[name])

    def message(self, title: str, text: str, *, status: int) -> Response:
        """A page that says one thing and leads back to the app."""
        return self._page("message.html", status=status, title=title, text=text)

    def begin(self, request: Request, pending: Pending) -> Response:
        """The first answer to a checked ``/authorize``: straight back to the app, or on to the first page."""
        if self._authorizer.next_step(pending) == "done":
            return self._finish(request, pending)
        browser = request.cookies.get(self._browser_cookie, "")
        if not _BROWSER.fullmatch(browser):
            browser = secrets.token_urlsafe(32)
        token = self._tenant.store.begin(pending, browser=browser)
        response = self._next_step(token, pending)
        self._set_cookie(response, self._browser_cookie, browser, None)
        return response

    async def show_login(self, request: Request) -> Response:
        """The sign-in page."""
        token = request.query_params.get("state", "")
        pending = self._pending(request, token)
        return self._over() if pending is None else self._login_page(token, pending)

    async def submit_login(self, request: Request) -> Response:
        """Handle the choice: a user was picked or made up, or the sign-in cancelled."""
        visit = await self._visit(request)
        if isinstance(visit, Response):
            return visit
        if visit.value("action") == "cancel":
            return self._cancel(visit)
        key = visit.value("person")
        if visit.value("action") == "make-up":
            made = self._make_up(visit)
            if isinstance(made, str):
                return self._login_page(visit.token, visit.pending, mistake=made, form=visit.form)
            key = made.key
        if self._tenant.store.person(key) is None:
            return self._login_page(visit.token, visit.pending, mistake="Pick one of the people below.")
        return self._continue(request, visit, self._authorizer.pick(visit.pending, key))

    async def show_step(self, request: Request) -> Response:
        """The second factor or the consent page."""
        token = request.query_params.get("state", "")
        pending = self._pending(request, token)
        if pending is None:
            return self._over()
        step = self._authorizer.next_step(pending)
        if step not in {"factor", "consent"}:
            return self._next_step(token, pending)
        person = self._tenant.store.person(pending.person)
        return self._page("step.html", step=step, token=token, person=person)

    async def submit_step(self, request: Request) -> Response:
        """The page was confirmed or cancelled."""
        visit = await self._visit(request)
        if isinstance(visit, Response):
            return visit
        step, action = self._authorizer.next_step(visit.pending), visit.value("action")
        if action == "cancel":
            return self._cancel(visit)
        if action == "factor" and step == "factor":
            return self._continue(request, visit, replace(visit.pending, mfa=True))
        if action == "consent" and step == "consent":
            return self._continue(request, visit, replace(visit.pending, consented=True))
        return self._next_step(visit.token, visit.pending)

    # -- inside --------------------------------------------------------------------------------------------------

    def _pending(self, request: Request, token: str) -> Pending | None:
        browser = request.cookies.get(self._browser_cookie, "")
        pending = self._tenant.store.pending(token, browser=browser)
        if pending is None:
            return None
        return self._authorizer.recheck(pending, self._tenant.store.session(self._session(request)))

    async def _visit(self, request: Request) -> _Visit | Response:
        """The sign-in a posted form belongs to, or the page that refuses it."""
        address = request.client.host if request.client else ""
        wait = self._sign_ins.wait_seconds(address)
        if wait:
            response = self.message("Too many tries", "Wait a minute, then try again.", status=429)
            response.headers["Retry-After"] = str(wait)
            return response
        self._sign_ins.take(address)
        if request.headers.get("origin", self._tenant.config.origin).lower() != self._tenant.config.origin.lower():
            return self.message("Not from here", "This form was not sent from the tenant's own page.", status=403)
        form = await read_form(request)
        token = form.get("state", [""])[0]
        pending = self._pending(request, token)
        return self._over() if pending is None else _Visit(token, pending, form)

    def _continue(self, request: Request, visit: _Visit, pending: Pending) -> Response:
        """On to the next page, or the end of this sign-in."""
        if self._authorizer.next_step(pending) == "done":
            return self._finish(request, pending) if self._end(visit) else self._over()
        self._tenant.store.update_pending(visit.token, pending)
        return self._next_step(visit.token, pending)

    def _next_step(self, token: str, pending: Pending) -> Response:
        page = "login" if self._authorizer.next_step(pending) == "pick" else "step"
        return RedirectResponse(f"{self._tenant.config.issuer}u/{page}?state={token}", status_code=303)

    def _finish(self, request: Request, pending: Pending) -> Response:
        signed: Signed = self._authorizer.finish(pending, self._session(request))
        if signed.cookie is not None:
            self._set_cookie(signed.response, self.session_cookie, signed.cookie, self._tenant.config.session_seconds)
        return signed.response

    def _cancel(self, visit: _Visit) -> Response:
        if not self._end(visit):
            return self._over()
        return self._authorizer.refuse(visit.pending, "access_denied", "The sign-in was cancelled")

    def _end(self, visit: _Visit) -> bool:
        """Use the sign-in up; false when another tab was faster."""
        return self._tenant.store.update_pending(visit.token, None)

    def _session(self, request: Request) -> str:
        return request.cookies.get(self.session_cookie, "")

    def _set_cookie(self, response: Response, name: str, value: str, seconds: int | None) -> None:
        secure = self._tenant.config.issuer.startswith("https:")
        response.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="lax", secure=secure)

    def _make_up(self, visit: _Visit) -> TenantUser | str:
        """The new person, saved; or a sentence about what does not fit."""
        name = " ".join(visit.value("new_name").split())
        email = visit.value("new_email").strip()
        if not name or len(name) > _MAX_NAME_CHARACTERS or not name.isprintable():
            return f"Give the person a name of at most {_MAX_NAME_CHARACTERS} letters."
        if len(email) > _MAX_EMAIL_CHARACTERS or not _EMAIL.fullmatch(email):
            return "Give the person an e-mail address, such as ann@gatehouse.example."
        people = self._tenant.store.people()
        same = next((person for person in people if person.email.lower() == email.lower()), None)
        if same is not None and not same.made_up:
            return f"That address belongs to {same.name}: pick {same.name} from the list, or use another address."
        if same is None and sum(person.made_up for person in people) >= _MAX_INVENTED_SUBJECTS:
            return f"There are {_MAX_INVENTED_SUBJECTS} made-up people already: pick one of them."
        person = TenantUser(
            key=same.key if same else secrets.token_hex(12),
            name=name,
            email=email,
            roles=frozenset(visit.form.get("new_roles", ())) & frozenset(ROLES),
            direct_permissions=frozenset(visit.form.get("new_permissions", ())) & frozenset(PERMISSIONS),
            description="A person you made up.",
            email_verified="new_verified" in visit.form,
            blocked=same.blocked if same else False,
            made_up=True,
            updated_at=timestamp(self._tenant.config.clock()),
        )
        self._tenant.store.save_person(person)
        return person

    def _login_page(self, token: str, pending: Pending, *, mistake: str = "", form: Params | None = None) -> Response:
        hint = pending.params.get("login_hint", "")
        people = self._tenant.store.people()
        hinted = next((person.key for person in people if hint and person.email.lower() == hint.lower()), "")
        typed = form or {}
        filled = {
            "name": typed.get("new_name", [""])[0],
            "email": typed.get("new_email", ["" if hinted else hint])[0],
            "verified": "new_verified" in typed if form else True,
            "roles": typed.get("new_roles", []),
            "permissions": typed.get("new_permissions", []),
        }
        return self._page(
            "login.html",
            status=400 if mistake else 200,
            token=token,
            mistake=mistake,
            people=people,
            hinted=hinted,
            filled=filled,
            typed=bool(form),
            unfolded=bool(form) or pending.params.get("screen_hint") == "signup",
            organization=pending.params.get("organization", ""),
            connection=pending.params.get("connection", ""),
            all_roles=sorted(ROLES),
            all_permissions=PERMISSIONS,
        )

    def _over(self) -> Response:
        return self.message(
            "This sign-in is over",
            "It was used already, took too long, or began in another browser. Go back to the app and sign in again.",
            status=400,
        )

    def _page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        text = self._templates.get_template(template).render(app_url=self._tenant.config.app_url, **values)
        return HTMLResponse(text, status_code=status, headers={"Cache-Control": "no-store", "Vary": "Cookie"})
