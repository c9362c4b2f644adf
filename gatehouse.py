"""The entry point of the console script ``gatehouse``."""

from app.__main__ import main

__all__ = ["main"]

if __name__ == "__main__":
    raise SystemExit(main())
