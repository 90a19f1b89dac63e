"""Let ``python -m segml`` be the command `segml`."""

from segml.cli import main

if __name__ == "__main__":
    main()
