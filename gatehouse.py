"""The console script's entry, and the module by which Streamlit's component scanner finds this distribution."""

from app.__main__ import main

__all__ = ["main"]

if __name__ == "__main__":
    raise SystemExit(main())
