"""People: find somebody, see what they may do and why, change it; deep link: ``/people?person=ID``."""

from app import access
from app.admin.people import people_list, person_card

access.require_page()

asked = person_card.asked()
if asked is None:
    people_list.show()
else:
    person_card.show(asked)
