"""Serve a fabric in the foreground: python -m demo.kubernetes_api --data demo/data --state DIR."""

import argparse
import os
import secrets
import signal
import sys
import time
from pathlib import Path

from .access import ADMIN, VIEWER
from .errors import APIError
from .resources import load_objects
from .server import KubernetesAPI
from .tls import Authority

DATA = Path(__file__).parents[1] / 'data'
PORT = 6443


def main() -> int:
    """Serve until SIGTERM or SIGINT. Return 1 if the data cannot be read or the port is in use."""
    parser = argparse.ArgumentParser(prog='python -m demo.kubernetes_api', description=__doc__)
    parser.add_argument('--data', type=Path, default=DATA, help='a file or folder of objects: YAML, JSON, JSON lines')
    parser.add_argument('--host', default='127.0.0.1', help='the address to listen on')
    parser.add_argument('--port', type=int, default=PORT, help='0 takes any that is free')
    parser.add_argument('--name', action='append', default=[], help='a further host name for the certificate')
    parser.add_argument('--state', type=Path, required=True, help='folder for the CA, tokens and kubeconfigs')
    parser.add_argument('--heartbeat', type=float, default=15, help='seconds between heartbeats of agents; 0: none')
    options = parser.parse_args()
    # Before anything that takes time: a signal during the start also ends the process.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    options.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    viewer, admin = _token(options.state / 'token'), _token(options.state / 'admin-token')
    try:
        api = KubernetesAPI(
            load_objects(options.data),
            tokens={viewer: VIEWER, admin: ADMIN},
            host=options.host,
            port=options.port,
            heartbeat=options.heartbeat or None,
            authority=_authority(options.state),
            names=options.name,
            # Clients of an earlier process must not see its resourceVersions again.
            revision=int(time.time() * 100),
        )
        api.start()
    except (OSError, ValueError, APIError) as error:
        print(f'kubernetes-api: {error}', file=sys.stderr)
        return 1
    _write(options.state / 'ca.crt', api.ca_pem)
    _write(options.state / 'viewer.kubeconfig', api.kubeconfig(viewer))
    _write(options.state / 'admin.kubeconfig', api.kubeconfig(admin))
    print(f'{len(api.objects())} objects at {api.url}, CA, tokens and kubeconfigs in {options.state}', flush=True)
    signal.sigwait(signals)
    api.stop()
    return 0


def _token(path: Path) -> str:
    """Return the token in a file, created at the first start: NetBox has stored it since."""
    if not path.exists():
        _write(path, secrets.token_urlsafe(32))
    return path.read_text().strip()


def _authority(state: Path) -> Authority:
    """Return the certificate authority of earlier starts, or a new one."""
    certificate, key = state / 'ca.crt', state / 'ca.key'
    if not (certificate.exists() and key.exists()):
        created = Authority.create()
        _write(key, created.key_pem)
        _write(certificate, created.certificate_pem)
    return Authority(certificate.read_text(), key.read_text())


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner can read, atomically."""
    temporary = path.with_name(f'.{path.name}.new')
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'w') as file:
        file.write(text)
    temporary.replace(path)


if __name__ == '__main__':
    sys.exit(main())
