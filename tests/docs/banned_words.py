# Over 300 lines: the table of words is one file, as every table that developers extend.
"""The project's vocabulary as data: which words are banned, what to write instead, and the exceptions with reasons.

``tests/docs/vocabulary.py`` applies the table. The terms on the right are those of OpenID Connect, Auth0, the RFCs,
Streamlit, Flask and SQLAlchemy; ``docs/glossary.md`` defines the project's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Rule:
    """One row of the vocabulary. Every pattern is a regular expression that ignores case.

    Args:
        banned: The word as the reports print it.
        use: What to write instead.
        words: Words of a name (``told`` in ``last_told``), several joined with ``_``; also in strings and code spans.
        exact: A whole name in its snake case (``found``, but not ``found_at``), in code only.
        prose: Words of sentences; a space stands for any white space.
        paths: Path prefixes the row is limited to; empty means everywhere.
    """

    banned: str
    use: str
    words: str = ""
    exact: str = ""
    prose: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Allowance:
    """A match that is allowed.

    Args:
        text: Regular expression for the whole matched name or phrase, ignoring case.
        reason: Why it is allowed.
        paths: Path prefixes the exception is limited to; empty means everywhere.
        in_prose: Whether it is a word of a sentence; otherwise only names, strings and code spans match.
    """

    text: str
    reason: str
    paths: tuple[str, ...] = ()
    in_prose: bool = False


_OBJECT: Final = r"(?:(?!and\b|or\b|but\b|is\b|are\b)\w+ ){0,3}"
"""Up to three words between a verb and its particle: "take the role away"."""

RULES: Final = (
    # People and callers
    Rule(
        "somebody, whoever",
        "the user, the caller, the administrator, the client",
        words="somebody|someone|whoever|whomever|anybody|everybody",
        prose=r"\b(?:somebody|someone|whoever|whomever|anybody|everybody)\b",
    ),
    Rule(
        "one (as a person)",
        "the user, you",
        prose=r"(?<!first )(?<!second )(?<!last )(?<!dead )(?<!this )(?<!that )\bone's\b"
        r"|\b(?:what|where|when|while|if|before|how|lets|let|as) one (?:may|can|must|wants|do|does|did|goes)\b"
        r"|\b(?:what|where|when|while) one (?:is|was|has|signs?)\b"
        r"(?! (?:given|set|come|there|already|needed|missing|asked))",
    ),
    Rule("nobody", "anonymous; no user", words="nobody", prose=r"\bnobody\b"),
    Rule("stranger", "anonymous or unauthenticated client", words="strangers?", prose=r"\bstrangers?\b"),
    Rule("proven", "authenticated", words="proven|unproven", prose=r"\b(?:un)?proven\b"),
    Rule(
        "asking",
        "caller; request",
        words="asking|asker",
        prose=r"(?<!without )\basking\b|\bwho(?:ever)? (?:asks|asked)\b",
    ),
    # Grants
    Rule(
        "give",
        "grant; return, release (a lease)",
        words="(?:give|gives|gave|giving|giver|givable)(?!_up)",
        prose=r"\bg(?:ive|ives|iven|ave|iving) (?:\w+ ){0,2}(?:roles?|permissions?|rights?)\b"
        rf"|\bg(?:ive|ives|iven|ave|iving) {_OBJECT}back\b",
    ),
    Rule(
        "take away, take back, take out",
        "revoke; undo; remove",
        words="(?:take|takes|taken|took|taking)_(?:away|back|out)",
        prose=rf"\bt(?:ake|akes|aken|ook|aking) {_OBJECT}(?:away|back)\b|\btaken out\b",
    ),
    Rule(
        "let in",
        "unblock; admit",
        words="let_in|lets_in|let_in_again|letting_in",
        prose=r"\blet(?:s|ting)? (?:\S+ ){0,3}in again\b"
        r"|\b(?:lets?|letting)(?: (?:them|him|her|it|you|this|people|several people))? in\b",
    ),
    Rule(
        "held, holding",
        "grants",
        words="held_now",
        exact="held|holding|holds|not_held|held_by|held_through",
    ),
    Rule("ways", "grant_paths", exact="ways|ways_.*"),
    Rule("within reach", "allowed_after_step_up", words="within_reach|in_reach", prose=r"\bwithin reach\b"),
    Rule("everything (a flag)", "is_administrator", exact="everything|holds_everything|has_everything"),
    Rule("standing", "authorized actor", exact="standing"),
    Rule("carrying out", "transaction()", words="carrying_out|carry_out|carried_out", prose=r"\bcarrying out\b"),
    Rule("to (a variable)", "tx for a transaction; target, destination", exact="to"),
    # Roles of words in a sentence, as names
    Rule("told, tell", "payload, header, message, report, log", words="told|tell|tells|telling", prose=r"\btold\b"),
    Rule("said, say", "payload, header, message, report, log", words="said|say|says|saying"),
    Rule("says so", "reports it; name what is reported", prose=r"\b(?:say|says|said|saying) so\b"),
    Rule("found (a variable)", "what it holds: match, row, result", exact="found"),
    Rule("given (a variable)", "what it holds: arguments, claims, payload", exact="given"),
    Rule("asked (a variable)", "what it holds: query, request", exact="asked|.*_asked"),
    Rule("wanted (a variable)", "what it holds: query, expected", exact="wanted"),
    Rule("one (a variable)", "what it holds: row, item, name", exact="one|ones"),
    Rule("there (a variable)", "what it holds: existing, current", exact="there"),
    Rule("mine (a variable)", "what it holds: own_sessions, own_grants", exact="mine|theirs|ours"),
    Rule("who (a variable)", "subject, principal, caller, actor", exact="who|whom|whose"),
    Rule("what, why (a variable)", "what it holds: action, item, reason", exact="what|why"),
    # Sessions and tabs
    Rule("carried", "bind_session", words="carried"),
    Rule(
        "cover",
        "expiry overlay; the session is locked",
        words="cover|covers|covered|covering|uncover|uncovers|uncovered",
        prose=r"\b(?:un)?covered\b(?! by)|\b(?:the|a|its|their|under|no|this) cover\b|\bcover's\b"
        r"|\bcover(?:s|ing)? (?:its|the|their|a|every|all|each) (?:tabs?|page|pages|screen)\b|\buncover(?:s|ing)?\b",
    ),
    Rule("begun", "issued session; re-authenticated; started", words="begun", prose=r"\bbegun\b"),
    Rule(
        "goes on",
        "continues; resumes",
        words="goes_on|go_on|going_on|went_on",
        prose=r"\b(?:go|goes|going|went|gone) on\b",
    ),
    Rule("revive, revival", "resume, session resumption", words="reviv\\w*", prose=r"\breviv(?:e|es|ed|ing|al|als)\b"),
    Rule(
        "renewal, renew",
        "token refresh",
        words="renew|renews|renewed|renewing|renewals?",
        prose=r"\brenew(?:s|ed|ing|al|als)?\b",
    ),
    Rule("silent (a name)", "silent sign-in (prompt=none)", exact="silent|silents|silently"),
    Rule("endings", "end reasons", words="endings", exact="ending", prose=r"(?<!line )\bendings\b"),
    Rule(
        "limits (of a session)",
        "lifetimes (idle, absolute)",
        words="(?:session|idle|absolute)_limits?",
        prose=r"\b(?:idle|absolute)(?: (?:and|or) (?:the )?absolute)? limits?\b"
        r"|\bsession(?:'s|s')? limits?\b|\blimits of (?:the|a) session\b",
    ),
    Rule("limits (of a session), the module", "lifetimes", exact="(?-i:Limits)", paths=("component",)),
    Rule("provider logout", "back-channel logout", words="provider_logouts?", prose=r"\bprovider logouts?\b"),
    Rule("wire", "Streamlit protocol; JSON name", words="wire", prose=r"(?<!on the )(?<!over the )\bwire\b(?! format)"),
    Rule("link (the event channel)", "event channel", exact="link|event_link", paths=("component",)),
    Rule("heard", "received", words="heard", prose=r"\bheard\b"),
    Rule("done (a variable)", "acknowledged", exact="done", paths=("component", "app")),
    Rule(
        "shown, seen",
        "tab state; a version for seen",
        exact="shown|seen",
        paths=("component", "app", "remote_api", "db"),
    ),
    Rule("workers", "thread pool", exact="workers?", paths=("component",)),
    # Storage
    Rule("turns", "write lock", exact="turns?|in_turn", paths=("db",)),
    Rule("lookup", "query cache", exact="lookups?", paths=("db",)),
    Rule("scale", "synthetic data", exact="scale|seed_scale", paths=("db", "app")),
    Rule("housekeeping", "cleanup", words="housekeeping|housekeeper", prose=r"\bhousekeep\w+\b"),
    Rule(
        "forget",
        "purge; delete; drop",
        words="forget|forgets|forgotten|forgetting",
        prose=r"\b(?:forgets?|forgotten|forgetting)\b",
    ),
    Rule("pulse", "change counters", words="pulses?", prose=r"\bpulses?\b"),
    # Core, API, navigation
    Rule("sentenced", "labelled enum", words="sentenced", prose=r"\bsentenced\b"),
    Rule("sentences (a module)", "audit text", exact="(?-i:sentences)", paths=("remote_api",)),
    Rule("later (a name)", "debouncer", exact="later", paths=("app", "component", "db", "remote_api")),
    Rule("misspelt", "unknown settings", words="misspelt|misspelled", prose=r"\bmisspelt\b"),
    Rule("verified (a name)", "token cache", exact="verified", paths=("app/core",)),
    Rule("conditions", "preconditions (RFC 9110)", words="conditions?", paths=("remote_api",)),
    Rule("envelope", "middleware", words="envelope", prose=r"\benvelope\b"),
    Rule("recorder", "background writer", words="recorder", paths=("remote_api", "app", "component")),
    Rule("published", "guard inventory", exact="published", paths=("app", "remote_api")),
    Rule("guards found", "guard scanner", words="guards_found", prose=r"\bguards found\b"),
    Rule("way", "navigation state", exact="way", paths=("app", "component", "remote_api")),
    Rule("menu", "page registry", exact="menu", paths=("app", "pages")),
    Rule("look", "recheck", words="look_again", exact="look|looks|looked|look_(?!alike).*"),
    Rule("ring", "wake", exact="ring|rings|ring_.*"),
    Rule("note_*", "record_*", exact="note|noted|note_.*", paths=("app", "component", "db", "remote_api", "pages")),
    Rule(
        "(an app that is) not ours, served app",
        "hosted app",
        words="served_apps?|not_ours",
        prose=r"\bnot ours\b|\bserved apps?\b",
    ),
    # Plain English
    Rule("anew, afresh", "again; fresh", words="anew|afresh", prose=r"\banew\b|\bafresh\b"),
    Rule("mend", "fix", words="mend|mends|mended|mending", prose=r"\bmend(?:s|ed|ing|able)?\b"),
    Rule("for ever", "permanently", words="for_ever", prose=r"\bfor ever\b"),
    Rule("stumble", "fail", words="stumble\\w*", prose=r"\bstumbl(?:e|es|ed|ing)\b"),
    Rule(
        "leave out",
        "omit",
        words="(?:leave|leaves|left|leaving)_out",
        prose=rf"\b(?:leave|leaves|left|leaving) {_OBJECT}out\b",
    ),
    Rule(
        "sign (a character)",
        "character",
        prose=r"\b(?:control|printable|unprintable|invisible|other|odd|such|these|those|few|many|more|\d+|six|three|four|five|eight|ten)"
        r" signs\b"
        r"|\bsigns (?:of|from|long)\b|\b(?:single|first|last|control|any|no|each|every) sign\b(?!-| in| out)",
    ),
    Rule("MOST_x, KEPT_x, x_MAX", "MAX_x", exact="(?-i:(?:MOST|KEPT)_[A-Z0-9_]+|[A-Z0-9_]+_MAX)|most|most_.*"),
    Rule(
        "tell an administrator this number",
        "give your administrator this reference",
        prose=r"\btell (?:an|your|the) administrator\b",
    ),
)

_MIGRATIONS: Final = "db/migrations/versions"

ALLOWANCES: Final[tuple[Allowance, ...]] = (
    # Stored values
    Allowance(
        "revive",
        "in the retired audit code app:session:revive, which the audit chain seals in stored events",
        (
            "app/core/audit.py",
            "tests/app/core/test_audit.py",
            "tests/db/test_administration_reads_audit.py",
            "CHANGELOG.md",
        ),
    ),
    Allowance(
        "nobody",
        "the stored actor of events of anonymous clients",
        (
            "app/core/audit.py",
            "tests/app/admin/audit/test_presentation.py",
            "tests/app/core/administration/test_rules.py",
            "tests/app/core/test_refusal_counts.py",
            "tests/remote_api/test_audit_api.py",
        ),
    ),
    Allowance(
        "nobody_named",
        "the stored reason code nobody-named of refused logout tokens",
        ("app/core/failure_reasons.py", "docs/audit.md", "tests/component/routes/test_backchannel_refusals.py"),
    ),
    Allowance(
        "provider_logout",
        "the stored end reason provider-logout",
        (
            "app/core/records.py",
            "docs/audit.md",
            "tests/component/routes/test_backchannel_logout.py",
            "tests/component/session/test_local_step_up.py",
        ),
    ),
    Allowance(
        "nobody",
        "the stored actor in a statement of SQL",
        (f"{_MIGRATIONS}/0004_administration.py",),
        in_prose=True,
    ),
    Allowance("said", "a parameter of the stored function people_pieces", (f"{_MIGRATIONS}/0005_search_pieces.py",)),
    Allowance(
        "gives",
        "in the message of the stored trigger grants_counted_update",
        (f"{_MIGRATIONS}/0004_administration.py",),
    ),
    # JSON of the remote API, which clients read
    Allowance(
        "ways",
        "the JSON member of roles and permissions in /me",
        ("app/core/contract/me.py", "remote_api/views/me.py"),
    ),
    Allowance(
        "permissions_held_by_nobody",
        "the JSON member of /statistics, and the fields that it is built from",
        (
            "app/core/contract/statistics.py",
            "app/core/administration_records.py",
            "app/admin/overview.py",
            "db/statistics.py",
            "remote_api/views/statistics.py",
            "tests/app/admin/api/calls.py",
            "tests/apptest/test_overview.py",
            "tests/stub_responses.py",
            "tests/db/test_administration_reads_audit.py",
        ),
    ),
    Allowance("verified", "the JSON member of /audit/chain", ("app/core/contract/audit.py",)),
    # Words of other standards
    Allowance(
        "silent",
        "a silent sign-in (prompt=none), as a parameter of /auth/login and a mode of the component",
        (
            "app/sign_in.py",
            "component/events.py",
            "component/frontend/urls.js",
            "component/frontend/view.js",
            "tests/component/session/test_silent_signin.py",
            "tests/frontend/view.test.js",
        ),
    ),
    Allowance("cover", "the value of object-fit in CSS", ("component/frontend/style.js",)),
    Allowance(
        "what",
        "a migration that databases have had is never changed",
        ("db/migrations/versions/0004_administration.py", "db/migrations/versions/0007_withheld_grants.py"),
    ),
    Allowance(
        "somebody",
        "a migration that databases have had is never changed",
        ("db/migrations/versions/0003_drafts.py",),
        in_prose=True,
    ),
    # Public names of earlier versions
    Allowance(
        "carried|access\\.carried",
        "public name of the version before, an alias of access.bind_session until the next one",
        paths=(
            "app/access.py",
            "app/core/shared_identity.py",
            "CHANGELOG.md",
            "docs/how-to/guard-a-function.md",
            "tests/app/test_access.py",
        ),
    ),
    Allowance(
        "asking|asking_of|Asking|not_ours|nobody_at|give_back",
        "a name that the changelog says is gone",
        paths=("CHANGELOG.md",),
    ),
    Allowance(
        r"(?:testing\.)?nobody_at",
        "public name of the version before, an alias of testing.make_anonymous until the next one",
        paths=("app/testing.py", "docs/how-to/test-a-page.md", "tests/app/test_testing.py"),
    ),
)
"""Matches that stay: a name of a library or a standard that the project defines itself, a stored or public name that is
kept for old rows and clients. Names that are only imported from a library never match."""
