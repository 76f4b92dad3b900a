"""Load NetBox's configuration in the image: everything in /etc/netbox/config.

configuration.py comes first, then the other *.py files there in alphabetical order, and extra.py last. Each is executed
by itself; if several define a name in capitals, the last one wins.
"""

from pathlib import Path

DIRECTORY = Path('/etc/netbox/config')
MAIN = DIRECTORY / 'configuration.py'
# Overrides everything, whatever the other files are named.
LAST = DIRECTORY / 'extra.py'
# NetBox looks for ldap_config.py beside the configuration.
BESIDE = {MAIN, DIRECTORY / 'ldap_config.py'}


def _load(path: Path) -> dict[str, object]:
    """Return the names in capitals that a file defines. Raises what it raises, and OSError if it cannot be read."""
    namespace: dict[str, object] = {'__name__': path.stem, '__file__': str(path)}
    exec(compile(path.read_bytes(), path, 'exec'), namespace)  # noqa: S102  the operator's own configuration
    return {name: value for name, value in namespace.items() if name.isupper()}


if not MAIN.is_file():
    raise RuntimeError(f'There is no {MAIN}. Mount a directory that has one, or none at all: the image brings its own.')

for _path in (MAIN, *sorted(set(DIRECTORY.glob('*.py')) - BESIDE, key=lambda path: (path == LAST, path))):
    globals().update(_load(_path))

__file__ = str(MAIN)
