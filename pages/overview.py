"""Overview: the installation in numbers, what changed lately, and what needs attention."""

from app import access
from app.admin import overview

access.require_page()

overview.show()
