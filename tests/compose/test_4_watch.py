"""The watcher, a service that only its profile starts: what changes in the cluster is in NetBox at once."""

from tests.support.real_cluster import RealCluster

from .deployment import Deployment

WATCHER = 'netbox-hedgehog-watcher'
HOUR = 3600


def test_a_watcher_follows_the_fabrics_that_ask_for_it(
    deployment: Deployment, cluster: RealCluster, connection: dict[str, str],
) -> None:
    assert not deployment.containers(WATCHER), 'nobody has asked for it'
    fabric = deployment.fabric('watched', sync_interval=HOUR, watch_enabled=True, **connection)
    deployment.docker_compose('--profile', 'watch', 'up', '-d')
    deployment.wait_until(lambda: deployment.healthy(WATCHER), 240, 'the watcher is healthy')
    deployment.wait_until(lambda: deployment.row(fabric)['last_sync'], 180, 'the fabric has been read')

    def description() -> str:
        rows = deployment.get(f'plugins/hedgehog/resources/?fabric_id={fabric}&kind=Server&name=server-01')['results']
        return str(rows[0]['spec'].get('description')) if rows else ''

    # It is read again in an hour only: what comes now comes by the watch.
    for text in ('one change', 'another', 'a third'):
        cluster.patch('Server', 'server-01', {'spec': {'description': text}})
        deployment.wait_until(lambda text=text: description() == text, 60, f'{text} is in NetBox')
    said = deployment.status()[1]
    assert said['workers'], said

    assert deployment.call('DELETE', f'plugins/hedgehog/fabrics/{fabric}/')[0] == 204
    deployment.docker_compose('--profile', 'watch', 'rm', '-sf', WATCHER)
    assert not deployment.containers(WATCHER)
