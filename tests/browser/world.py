"""What the browser looks at: a NetBox at work with a few fabrics, one of which has become devices, cables and VRFs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from netbox_hedgehog.choices import InventoryScopeChoices
from tests.e2e.stack import QUICK, Row, Stack, sample_api
from tests.plugin import Services

PASSWORD = 'Looks-at-pages-2026'
ADMINISTRATOR, VIEWER = 'tester', 'viewer'

# A view permission is for every object of these apps.
APPS = ('core', 'dcim', 'extras', 'ipam', 'netbox_hedgehog', 'tenancy', 'vpn')

WIDGET = '8f6f6e5c-3c0b-4f0e-9d52-0c6b0b7c5d11'

# Seconds that a run gets on a busy machine.
RUN = 120

# Long enough for no scheduled run to come in between.
INTERVAL = 3600


class World:
    """NetBox's processes, and fabrics in all conditions.

    `fabric` is read and carried into NetBox: with a silent agent, a link that is down, an open discrepancy, a missing
    resource and changes. `planned` is read, but still to be carried. `broken` is refused, `idle` is not read at all.
    """

    def __init__(self, services: Services, folder: Path) -> None:
        self.stack = Stack(services, 'browser', folder, **QUICK)
        # Heartbeats go on, so that agents are not all silent by the time somebody looks.
        self.api = sample_api(heartbeat=10)
        self.fabric = self.planned = self.broken = self.idle = 0

    def __enter__(self) -> Self:
        try:
            self._silence('leaf-02')
            self.api.start()
            self.stack.start()
            self._people()
            self.stack.worker()
            self.stack.scheduler()
            self._fabrics()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.stop()
        self.api.stop()

    @property
    def address(self) -> str:
        return self.stack.url

    # Asking NetBox

    def get(self, path: str) -> Any:
        status, answer = self.stack.call('GET', path)
        assert status == 200, answer
        return answer

    def post(self, path: str, **values: Any) -> Row:
        status, answer = self.stack.call('POST', path, values)
        assert status in (200, 201, 202), answer
        return dict(answer)

    def patch(self, path: str, **values: Any) -> Row:
        status, answer = self.stack.call('PATCH', path, values)
        assert status == 200, answer
        return dict(answer)

    def first(self, path: str) -> int:
        """The id of the first object that a list of the REST API has."""
        results = self.get(f'{path}{"&" if "?" in path else "?"}limit=1')['results']
        assert results, f'{path} is empty'
        return int(results[0]['id'])

    def resource(self, kind: str, name: str) -> int:
        """The id of a resource of the fabric that is carried into NetBox."""
        return self.first(f'plugins/hedgehog/resources/?fabric_id={self.fabric}&kind={kind}&name={name}')

    # Doing

    def put_on_dashboard(self, widget: str) -> None:
        """Gives the administrator a dashboard with one widget."""
        self.patch('extras/dashboard/', layout=[{'id': WIDGET, 'x': 0, 'y': 0, 'w': 6, 'h': 5}], config={
            WIDGET: {'class': widget, 'title': 'Hedgehog fabrics', 'color': None, 'config': {}},
        })

    def site(self, name: str) -> int:
        return int(self.post('dcim/sites/', name=name, slug=name.lower())['id'])

    def sync(self, fabric: int) -> None:
        """Has a fabric read, and waits for the end of it."""
        before = len(self.stack.jobs(fabric, 'completed'))
        self.post(f'plugins/hedgehog/fabrics/{fabric}/sync/')
        self.stack.runs(fabric, before + 1, RUN)

    # Making it

    def _people(self) -> None:
        user = self.first(f'users/users/?username={ADMINISTRATOR}')
        self.patch(f'users/users/{user}/', password=PASSWORD)
        viewer = self.post('users/users/', username=VIEWER, password=PASSWORD)['id']
        types = self.get('core/object-types/?limit=0')['results']
        wanted = [f'{one["app_label"]}.{one["model"]}' for one in types if one['app_label'] in APPS]
        self.post('users/permissions/', name='view', object_types=wanted, actions=['view'], users=[viewer])

    def _fabrics(self) -> None:
        api, stack = self.api, self.stack
        site = self.site('Amsterdam')
        self.fabric = stack.fabric(
            'ams-1', api, description='Amsterdam, hall 1', sync_interval=INTERVAL, inventory_enabled=True,
            inventory_auto_apply=True, inventory_site=site, inventory_scope=InventoryScopeChoices.values(),
        )
        self.broken = stack.fabric('fra-1', api, kubernetes_token='nobody', sync_interval=INTERVAL)
        self.idle = stack.fabric('lab', api, status='planned', sync_interval=INTERVAL)
        # The scheduler has new ones read at once.
        stack.runs(self.fabric, 1, RUN)
        self._trouble()
        self.sync(self.fabric)
        self.post('extras/journal-entries/', assigned_object_type='netbox_hedgehog.fabric',
                  assigned_object_id=self.fabric, comments='Spine 2 gets a new fan tray on Thursday.')
        self.post('plugins/hedgehog/inventory-rules/', fabric=self.fabric, name='Amsterdam', kinds=['Switch'],
                  names='leaf-*', site=site)
        # Read, but not carried into NetBox yet.
        self.planned = stack.fabric('rtm-1', api, description='Rotterdam', sync_interval=INTERVAL)
        stack.runs(self.planned, 1, RUN)
        stack.runs(self.broken, 1, RUN, 'failed')
        stack.edit(self.planned, inventory_enabled=True, inventory_site=self.site('Rotterdam'))

    def _trouble(self) -> None:
        """Somebody edits a device by hand, a peering goes, and a VPC changes."""
        self.patch(f'dcim/devices/{self.first("dcim/devices/?name=leaf-01")}/', serial='typed-by-hand')
        self.api.delete('VPCPeering', 'vpc-01--vpc-02')
        self.api.patch('VPC', 'vpc-02', {'spec': {'defaultIsolated': True}})

    def _silence(self, agent: str) -> None:
        self.api.silent.add(agent)
        silent_since = datetime.now(UTC) - timedelta(minutes=25)
        self.api.patch('Agent', agent, {'status': {'lastHeartbeat': f'{silent_since:%Y-%m-%dT%H:%M:%SZ}'}})
