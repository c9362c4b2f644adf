"""People: find somebody, see what they may do and why, change it; deep link: ``/people?person=ID``."""

from app import access
from app.admin import people, person

access.require_page()

asked = person.asked()
if asked is None:
    people.show()
else:
    person.show(asked)
