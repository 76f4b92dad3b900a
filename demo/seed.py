"""Create an administrator, an API token and the demo's fabric in NetBox: python -m demo.seed <JSON on standard input.

Run in its own process, with NetBox's configuration in the environment.
"""

import json
import sys

import django


def main() -> int:
    """Read what is wanted as JSON; print what was created as JSON."""
    wanted = json.load(sys.stdin)
    django.setup()
    from core.models import Job
    from dcim.models import Site
    from django.core.exceptions import ValidationError
    from users.models import Token, User

    from netbox_hedgehog.choices import InventoryScopeChoices
    from netbox_hedgehog.models import Fabric

    user = User.objects.filter(username=wanted['user']).first()
    if user is None:
        user = User.objects.create_superuser(wanted['user'], password=wanted['password'])
    token = Token(user=user, description='The demo itself')
    Token.objects.filter(user=user, description=token.description).delete()
    token.save()
    fabric = Fabric.objects.filter(name=wanted['fabric']['name']).first() or Fabric()
    if fabric.pk is None:
        # Only at first: users may change it later.
        fabric.inventory_site, _ = Site.objects.get_or_create(slug='demo', defaults={'name': 'Demo'})
        fabric.inventory_enabled = fabric.inventory_auto_apply = True
        # What agents report, too: the demo shows all that there is.
        fabric.inventory_scope = list(InventoryScopeChoices.values())
    for name, value in wanted['fabric'].items():
        setattr(fabric, name, value)
    try:
        fabric.full_clean()
    except ValidationError as error:
        print(json.dumps({'error': ' '.join(error.messages)}))
        return 1
    fabric.save()
    print(json.dumps({
        'fabric': fabric.pk,
        'authorization': f'{token.get_auth_header_prefix()}{token.token}',
        'newest_job': Job.objects.order_by('-pk').values_list('pk', flat=True).first() or 0,
    }))
    return 0


if __name__ == '__main__':
    sys.exit(main())
