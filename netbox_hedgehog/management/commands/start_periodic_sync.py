"""start_periodic_sync: hedgehog_sync bootstrap, and a check that the named fabric is scheduled."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from netbox_hedgehog.monitoring.fabric_status import fabric_status

from .hedgehog_sync import Command as HedgehogSync


class Command(HedgehogSync):
    help = 'Start scheduled syncs: create missing schedules and remove obsolete ones.'

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument('--fabric', metavar='NAME', help='fail unless this fabric is scheduled')
        parser.add_argument('--json', action='store_true', help='print JSON')

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(action='start', **options)

    def start(self, fabric: str | None = None, **options: Any) -> None:
        named = self._fabric(fabric) if fabric else None
        self.bootstrap(**options)
        if named is None:
            return
        row = fabric_status([named])[0]
        if not row['next_sync']:
            raise CommandError(
                f'{fabric} is not scheduled. Enable its sync and scheduler, and set its status to active or '
                f'maintenance (now: {named.status}).'
            )
        self.stdout.write(f'Next sync of {fabric}: {row["next_sync"]:%Y-%m-%d %H:%M:%S} UTC.')
