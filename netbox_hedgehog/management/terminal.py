"""Tables and progress bars of the commands on a terminal. Piped output stays plain text."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from netbox_hedgehog.choices import SyncStateChoices
from netbox_hedgehog.jobs.progress import Progress as RunProgress
from netbox_hedgehog.models.fabric_state import duration_words
from netbox_hedgehog.models.unsupported import unsupported_sentence
from netbox_hedgehog.monitoring.fabric_status import services_line
from netbox_hedgehog.monitoring.service_health import BROKEN, DEGRADED, HEALTHY, ServiceHealth

__all__ = ('bar', 'is_one', 'print_status')

# The terminal's names of NetBox's state colors.
STYLES = {
    'green': 'green', 'red': 'bold red', 'orange': 'yellow', 'cyan': 'cyan', 'blue': 'blue', 'gray': 'bright_black',
}
HEALTH_STYLES = {HEALTHY: 'green', DEGRADED: 'yellow', BROKEN: 'bold red'}


def is_one(stream: Any) -> bool:
    """Return whether a stream is a terminal."""
    return bool(stream.isatty())


def print_status(stream: Any, rows: list[dict[str, Any]], health: ServiceHealth, *, no_color: bool = False) -> None:
    """Print a table of fabrics, then services and issues. Takes the rows of fabric_status()."""
    console = _console(stream, no_color)
    table = Table(box=None, pad_edge=False, header_style='bold')
    for title in ('Fabric', 'State', 'Last success', 'Every', 'Next sync'):
        table.add_column(title, overflow='fold')
    for row in rows:
        table.add_row(
            Text(row['fabric']), _state(row['state']), _ago(row['age']), duration_words(row['sync_interval']),
            _next(row),
        )
    console.print(table)
    for row in rows:
        for issue in filter(None, (row['error'], unsupported_sentence(row['unsupported_kinds']))):
            console.print(Text.assemble((f'{row["fabric"]}: ', 'bold'), issue))
    console.print(Text.assemble(
        (health.state, HEALTH_STYLES[health.state]), services_line(health).removeprefix(health.state),
    ))
    for problem in health.problems:
        console.print(Text(f'  {problem}'))


@contextmanager
def bar(stream: Any, name: str, *, no_color: bool = False) -> Iterator[Callable[[RunProgress], None]]:
    """Show a progress bar of a sync. Yields a function to call with its progress."""
    if not is_one(stream):
        yield lambda progress: None
        return
    columns = (
        TextColumn('{task.description}', markup=False), BarColumn(),
        TextColumn('{task.completed:.0f}/{task.total:.0f}'), TimeElapsedColumn(),
    )
    with Progress(*columns, console=_console(stream, no_color), transient=True) as shown:
        task = shown.add_task(f'{name}: waiting for a worker', total=1, completed=0)

        def show(progress: RunProgress) -> None:
            if progress.running:
                now = progress.now or 'saving changes'
                shown.update(
                    task, total=progress.total, completed=progress.done,
                    description=f'{name}: {now}, {progress.read} resources',
                )

        yield show


def _console(stream: Any, no_color: bool) -> Console:
    # Django's OutputWrapper adds a line end to whatever is written; rich writes its own.
    return Console(file=getattr(stream, '_out', stream), no_color=no_color, highlight=False, soft_wrap=False)


def _state(state: str) -> Text:
    return Text(str(dict(SyncStateChoices)[state]), style=STYLES.get(SyncStateChoices.colors.get(state), ''))


def _ago(age: float | None) -> str:
    return 'never' if age is None else f'{duration_words(int(age)) or "0 seconds"} ago'


def _next(row: dict[str, Any]) -> Text:
    if row['next_sync'] is None and row['scheduled']:
        return Text('NOT SCHEDULED', style='bold red')
    if row['next_sync'] is None:
        return Text('manual only', style='bright_black')
    left = round((row['next_sync'] - datetime.now(UTC)).total_seconds())
    return Text(f'in {duration_words(left)}' if left > 0 else 'due')
