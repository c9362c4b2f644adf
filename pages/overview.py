"""Overview: the installation in numbers, what needs attention, and the recent changes."""

from app import access
from app.admin import overview

access.require_page()

overview.show()
