"""The console script's entry."""

from app.__main__ import main

__all__ = ["main"]

if __name__ == "__main__":
    raise SystemExit(main())
