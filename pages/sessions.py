"""Sessions: who is signed in, from what, since when and on which page; ending one, or all of a person."""

from app import access
from app.admin.people import session_list

access.require_page()

session_list.page()
