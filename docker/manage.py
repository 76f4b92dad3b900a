"""Run NetBox's management commands where people look for them: python manage.py COMMAND."""

import sys

from netbox.cli import main

if __name__ == '__main__':
    sys.exit(main())
