"""Check the health of the web server's container: exit 0 if NetBox's status API responds, and has asked the database.

Otherwise exits 1, with a sentence. It runs every few seconds, so it does not start Django: it reads NetBox's
configuration.
"""

import runpy
import sys
from http.client import HTTPConnection

CONFIGURATION = '/opt/netbox/netbox/conf/configuration.py'

# Seconds to wait for the response.
TIMEOUT = 5


class Unhealthy(Exception):
    """The text says what is wrong."""


def main() -> None:
    """Check that NetBox and its database respond. Raises Unhealthy, and what HTTPConnection raises."""
    configuration = runpy.run_path(CONFIGURATION)
    host = next((name.lstrip('.') for name in configuration['ALLOWED_HOSTS'] if name != '*'), 'localhost')
    base_path = str(configuration.get('BASE_PATH', '')).strip('/')
    path = f'/{base_path}/api/status/' if base_path else '/api/status/'
    connection = HTTPConnection('127.0.0.1', 8080, timeout=TIMEOUT)
    # An invalid token: NetBox asks the database for it before it refuses, so the refusal shows that both respond.
    connection.request('GET', path, headers={'Host': host, 'Authorization': 'Token health-check'})
    answer = connection.getresponse()
    text = answer.read().decode(errors='replace')
    if answer.status != 403 or 'Invalid v1 token' not in text:
        raise Unhealthy(f'The status API returned {answer.status} {answer.reason}.')


if __name__ == '__main__':
    try:
        main()
    except Exception as error:
        print(error if isinstance(error, Unhealthy) else f'{type(error).__name__}: {error}', file=sys.stderr)
        sys.exit(1)
