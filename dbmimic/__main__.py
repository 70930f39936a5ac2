"""`python -m dbmimic` and the `dbmimic` command."""

from dbmimic.cli.app import main

if __name__ == "__main__":
    main()
