"""start_periodic_sync: the same as hedgehog_sync bootstrap, and for one fabric if one is named."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from netbox_hedgehog.monitoring.fabric_status import fabric_status

from .hedgehog_sync import Command as HedgehogSync


class Command(HedgehogSync):
    help = 'Start periodic runs: bring the schedules in line with the database.'

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument('--fabric', metavar='NAME', help='fail unless this fabric is scheduled afterwards')
        parser.add_argument('--json', action='store_true', help='print JSON')

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(action='start', **options)

    def start(self, fabric: str | None = None, **options: Any) -> None:
        named = self._fabric(fabric) if fabric else None
        self.bootstrap(**options)
        if named is None:
            return
        row = fabric_status([named])[0]
        if not row['next_run']:
            raise CommandError(
                f'{fabric} is not scheduled: sync_enabled and scheduler_enabled must be on, and its status active or '
                f'maintenance (it is {named.status}).'
            )
        self.stdout.write(f'{fabric} is due at {row["next_run"]:%Y-%m-%d %H:%M:%S} UTC.')
