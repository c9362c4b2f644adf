"""Storage, as the Protocols of ``app.core.ports`` define it. The only package that imports SQLAlchemy."""

from app.core.chain_problems import ChainState
from db.chain_verification import checkpoint, verify_chain
from db.database import Database, open_database
from db.sample_people import SamplePerson, add_sample_people
from db.schema import SchemaState, current_state, migrate, require_migratable, require_ready, require_secret
from db.seed import SeedResult, seed
from db.synthetic_data import SyntheticData, fill
from db.timeouts import ADMINISTRATION_TIMEOUTS

__all__ = [
    "ADMINISTRATION_TIMEOUTS",
    "ChainState",
    "Database",
    "SamplePerson",
    "SchemaState",
    "SeedResult",
    "SyntheticData",
    "add_sample_people",
    "checkpoint",
    "current_state",
    "fill",
    "migrate",
    "open_database",
    "require_migratable",
    "require_ready",
    "require_secret",
    "seed",
    "verify_chain",
]
