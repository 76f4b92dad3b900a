"""How long it takes to remove what was created for a fabric, against creating it: the same objects, in the same run.

    python -m benchmarks.removal --switches 200 --servers 4000 --vpcs 300

Makes a database of its own, and drops it in the end. Each object is created and removed with its entries in NetBox's
change log, in the search index and in all counters. Ends with 1 if the removal takes more than twice the time.
"""

import argparse

from .reconcile import make_fabric
from .world import netbox

GOAL = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--switches', type=int, default=200)
    parser.add_argument('--servers', type=int, default=4000)
    parser.add_argument('--vpcs', type=int, default=300)
    parser.add_argument('--profile', action='store_true', help='where the seconds of the removal go')
    options = parser.parse_args()
    with netbox():
        return compare(options)


def compare(options: argparse.Namespace) -> int:
    from core.models import Job

    from netbox_hedgehog.inventory.disable import remove_created
    from netbox_hedgehog.inventory.reconcile import reconcile

    warm_up = make_fabric('warm-up', 4, 4, 1)
    reconcile(warm_up)
    remove_created(warm_up)
    fabric = make_fabric('large', options.switches, options.servers, options.vpcs)
    created = reconcile(fabric)
    print(f'created {created.counts["create"]} objects: {created.seconds:.1f} s, {created.statements} SQL statements')
    jobs = Job.objects.count()
    if options.profile:
        import cProfile
        import pstats

        profile = cProfile.Profile()
        removed = profile.runcall(remove_created, fabric)
        pstats.Stats(profile).sort_stats('cumulative').print_stats(60)
    else:
        removed = remove_created(fabric)
    count = removed.counts['delete']
    print(f'removed {count} objects: {removed.seconds:.1f} s, {removed.statements} SQL statements, '
          f'{Job.objects.count() - jobs} jobs queued')
    # What is shared with other fabrics, such as device types, is created and not removed.
    ratio = (removed.seconds / count) / (created.seconds / created.counts['create'])
    print(f'removal : creation = {ratio:.2f} for each object (goal: at most {GOAL:.1f})')
    return 0 if ratio <= GOAL else 1


if __name__ == '__main__':
    raise SystemExit(main())
