"""The rules of the texts in ``app.ui.sentences``: what each template must name. A rule that is broken is a problem."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

PEOPLE: Final = frozenset({"person", "people"})
OBJECTS: Final = PEOPLE | {"holders", "affected", "role", "token_role", "token_roles", "item", "user_id", "browser"}
ACTS: Final[Mapping[str, tuple[frozenset[str], ...]]] = {
    "granted": (PEOPLE, frozenset({"item"}), frozenset({"expiry"})),
    "revoked": (PEOPLE, frozenset({"item"})),
    "released": (PEOPLE, frozenset({"item"}), frozenset({"regrant"})),
    "blocked": (PEOPLE,),
    "unblocked": (PEOPLE,),
    "ended": (PEOPLE | {"browser", "other_sessions"},),
    "added": (PEOPLE, frozenset({"issuer"})),
    "erased": (frozenset({"user_id"}),),
    "created": (frozenset({"role"}), frozenset({"permissions"})),
    "changed": (frozenset({"role"}), frozenset({"changes"})),
    "deleted": (frozenset({"role"}),),
    "mapped": (frozenset({"token_role"}), frozenset({"roles"})),
}
"""The act of a notice, in the past tense → what it names: one placeholder of each set."""
BEFORE: Final[Mapping[str, frozenset[str]]] = {
    "revoked": frozenset({"origin"}),
    "mapped": frozenset({"before_roles"}),
}
"""What a notice names of the state before the act, unless it reports an undo, whose act it has just reported."""
WITHOUT_ACT: Final = (
    "Nothing changed: ", "Nothing to undo: ", "Nothing to save: ", "No change for ", "No answer about ", "Left ",
    "Could not end your ", "Undone: ", "Not undone for ",
)  # fmt: skip
"""How the notices begin that report no act, or that of an undo."""
MANY_SOURCES: Final = "What a sign-in grants is withheld."
"""In place of the source, where several people had a role or permission from different ones."""
TITLE_VERBS: Final = frozenset(
    {"Add", "Block", "Delete", "End", "Erase", "Grant", "Map", "Release", "Revoke", "Unblock"}
)
BUTTON_VERBS: Final = TITLE_VERBS | {"Save"}


def names(template: str) -> frozenset[str]:
    """The placeholders of a template."""
    return frozenset(re.findall(r"\{(\w+)\}", template))


def unconditional(template: str) -> str:
    """What of a template is never omitted."""
    return re.sub(r"\[[^\]]*\]", "", template)


def notice_problems(template: str) -> list[str]:
    """What is wrong with a notice."""
    return [*_sentence_problems(template), *_act_problems(template)]


def text_problems(template: str) -> list[str]:
    """What is wrong with a text that says what an act will do."""
    return [*_sentence_problems(template)]


def title_problems(template: str) -> list[str]:
    """What is wrong with a title."""
    problems = [] if template.split(" ", maxsplit=1)[0] in TITLE_VERBS else ["it does not begin with the act"]
    if not names(template) & OBJECTS and template != "Add a person":
        problems.append("it names no object")
    if template.endswith("."):
        problems.append("it ends with a full stop")
    return [*problems, *_common_problems(template)]


def button_problems(template: str) -> list[str]:
    """What is wrong with the label of a button."""
    problems = [] if template.split(" ", maxsplit=1)[0] in BUTTON_VERBS else ["it does not begin with the act"]
    return problems + (["it is a sentence"] if re.search(r"[.?!…]", template) else [])


def _sentence_problems(template: str) -> Iterator[str]:
    first = unconditional(template).split(". ")[0]
    is_own = re.search(r"\byour? .*sessions?\b", first) is not None
    if not template.replace("]", "").endswith("."):
        yield "it does not end with a full stop"
    if not names(first) & OBJECTS and not is_own and "before a first sign-in" not in first:
        yield "its first sentence names no object"
    if not re.match(r"[A-Z{]", template):
        yield "it does not begin with a capital letter"
    yield from _common_problems(template)


def _common_problems(template: str) -> Iterator[str]:
    placeholders = names(unconditional(template))
    if re.search(r"\b(they|them|their|theirs)\b", template, re.IGNORECASE):
        yield "it uses a pronoun in place of a name"
    if "item" in placeholders and not placeholders & PEOPLE:
        yield "it names a role or permission, but not whose"
    if re.search(r"\b(has|have|granted to [^.]*) \{item\}|\{item\} is granted to", template) and not (
        {"expiry", "automatic"} & placeholders
    ):
        yield "it names a grant without its duration"
    if re.search(r"\b(role|roles|permission|permissions|token role|session|sessions) \{(?!holders)", template):
        yield "it names the kind twice: the phrase has it"
    if re.search(r"[*_`<>]|\s{2}|\s$|^\s", re.sub(r"\{\w+\}", "x", template)):
        yield "it has markup, or too much space"


def _act_problems(template: str) -> Iterator[str]:
    undone = template.startswith("Undone: ")
    beginning = template.removeprefix("Undone: ").split(" ")[0]
    act = beginning.lower()
    has_act = act in ACTS and beginning == (act if undone else act.capitalize())
    if not has_act and (undone or not template.startswith(WITHOUT_ACT)):
        yield "it does not begin with an act in the past tense"
    if has_act:
        fixed = names(unconditional(template))
        for alternatives in ACTS[act]:
            if not fixed & alternatives:
                yield f"it names none of {sorted(alternatives)}"
        before = BEFORE.get(act, frozenset())
        if not undone and not before <= fixed and MANY_SOURCES not in template:
            yield f"it does not name {sorted(before)}"
