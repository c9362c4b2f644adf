"""Sessions: the live sessions with browser, address, start and last page; end one, or all of a person."""

from app import access
from app.admin.people import session_list

access.require_page()

session_list.page()
