"""People: the list, and the card of one person with grants and permissions (``/people?person=ID``)."""

from app import access
from app.admin.people import people_list, person_card

access.require_page()

person = person_card.requested_person()
if person is None:
    people_list.show()
else:
    person_card.show(person)
