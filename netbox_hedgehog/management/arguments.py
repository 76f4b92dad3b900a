"""The actions of hedgehog_sync, and what each takes."""

from typing import Any

from django.core.management.base import CommandParser

from ..presentation.find.lookup import SHOWN

__all__ = ('add_actions',)


def add_actions(parser: CommandParser) -> None:
    """Add a subparser for each action."""
    actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
    _add_syncs(actions)
    _add_inventory(actions)
    _add_questions(actions)
    _add_rules(actions)
    _add_services(actions)


def _add_syncs(actions: Any) -> None:
    bootstrap = actions.add_parser('bootstrap', help='create missing schedules and remove obsolete ones')
    bootstrap.add_argument('--json', action='store_true', help='print JSON')
    status = actions.add_parser('status', help='show the status of fabrics and services')
    status.add_argument('--json', action='store_true', help='print JSON')
    status.add_argument('--fabric', metavar='NAME', help='only this fabric')
    trigger = actions.add_parser('trigger', help='queue a sync of a fabric now')
    trigger.add_argument('name', metavar='NAME')
    trigger.add_argument('--wait', action='store_true', help='wait until the sync ends; fail if it fails')
    cancel = actions.add_parser('cancel', help='cancel the running sync of a fabric, or else the queued one')
    cancel.add_argument('name', metavar='NAME')
    actions.add_parser('metrics', help='print metrics in the Prometheus text format')
    test = actions.add_parser('test', help="test a fabric's connection from this machine")
    test.add_argument('name', metavar='NAME')


def _add_inventory(actions: Any) -> None:
    inventory = actions.add_parser(
        'inventory', help='show or apply the pending changes to NetBox objects. Exit codes: 0 no changes, or '
                          'applied; 1 changes pending; 2 refused; 3 cancelled, as something has changed',
    )
    inventory.add_argument('name', metavar='NAME')
    inventory.add_argument('--json', action='store_true', help='print JSON')
    inventory.add_argument('--summary', action='store_true', help='show counts only')
    inventory.add_argument(
        '--rules', action='store_true', help='also apply the inventory rules to existing objects',
    )
    what = inventory.add_mutually_exclusive_group()
    what.add_argument('--apply', metavar='DIGEST', default='', help='apply the plan with this digest')
    what.add_argument('--confirm', metavar='DIGEST', default='', help='confirm the removals with this digest')
    cabling = actions.add_parser(
        'cabling', help='compare the links of a fabric with what switches report by LLDP. Exit codes: 0 no link '
                        'has the wrong neighbor, 1 some have, 2 error',
    )
    cabling.add_argument('name', metavar='NAME')
    cabling.add_argument('--json', action='store_true', help='print JSON')


def _add_questions(actions: Any) -> None:
    find = actions.add_parser(
        'find', help='find an address, MAC address, name or number in all fabrics. Exit codes: 0 found, 1 not '
                     'found, 2 error',
    )
    find.add_argument('term', metavar='TERM', help='what to find, such as 10.0.1.57, 0c20.12fe.0001 or "VLAN 1001"')
    find.add_argument('--limit', type=int, default=SHOWN, help=f'how many answers to print ({SHOWN})')
    find.add_argument('--json', action='store_true', help='print JSON')
    reach = actions.add_parser(
        'reach', help='tell whether one end can reach another in a fabric, both ways. Exit codes, of the way from '
                      'FROM to TO: 0 yes, 1 no, 2 error, 3 unknown, 4 in part',
    )
    reach.add_argument('name', metavar='NAME')
    reach.add_argument('source', metavar='FROM', help='server, VPC/subnet, address, prefix or "external NAME"')
    reach.add_argument('target', metavar='TO')
    reach.add_argument('--json', action='store_true', help='print JSON')


def _add_rules(actions: Any) -> None:
    rules = actions.add_parser(
        'rules', help='show the inventory rules of a fabric and what they match, or what conditions would match',
    )
    rules.add_argument('name', metavar='NAME')
    rules.add_argument('--json', action='store_true', help='print JSON')
    rules.add_argument(
        '--kind', action='append', default=[], metavar='KIND', help='test: kind of resources, such as Switch',
    )
    rules.add_argument('--names', default='', help='test: names of resources, such as "leaf-*, !leaf-9*"')
    rules.add_argument('--selector', default='', help='test: label selector, such as "env in (prod, stage)"')


def _add_services(actions: Any) -> None:
    actions.add_parser('watch', help='stream the changes of fabrics with watch enabled, until stopped')
    health = actions.add_parser('health', help='show the status of workers, schedulers and queue')
    health.add_argument('--json', action='store_true', help='print JSON')
    onboard = actions.add_parser('onboard', help='print the YAML that grants NetBox read access to a cluster')
    onboard.add_argument('--namespace', default='default', help='namespace of the Hedgehog resources (default)')
    onboard.add_argument('--account', default='netbox', help='name of the ServiceAccount (netbox)')
    onboard.add_argument(
        '--account-namespace', default='', help='namespace of the ServiceAccount (that of the resources)',
    )
    onboard.add_argument(
        '--account-exists', action='store_true',
        help='only grant access: NetBox runs in the same cluster and has a ServiceAccount',
    )
    ready = actions.add_parser(
        'ready', help='check that the database is migrated for this release (workers wait for that)',
    )
    ready.add_argument('--wait', action='store_true', help='wait until it is migrated')
