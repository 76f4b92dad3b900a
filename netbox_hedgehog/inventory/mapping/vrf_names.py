"""Name the VRFs of VPCs as rules say. No two VPCs get the same name."""

from collections import defaultdict

from ...hedgehog.manifest import shown, usable
from ...issue_codes import Code
from ...naming import vrf_name
from .builder import Builder
from .names import in_fabric
from .types import VPCS, Resource, Source

__all__ = ('vrf_names',)

# The limit of NetBox.
_LONGEST = 100


def vrf_names(builder: Builder) -> dict[Source, tuple[str, bool]]:
    """Return the names of VPCs' VRFs for which there is a rule, and whether each is what the rule asked for.

    A name that cannot be used, or that is another VPC's too, is reported for each of these VPCs: they get the name that
    they would have without a rule, so that no name depends on which VPC comes first.
    """
    asked: dict[str, str] = {}
    users: dict[str, list[Resource]] = defaultdict(list)
    for resource in builder.of('VPC'):
        pattern = builder.values_of(resource.source).vrf_name
        name = vrf_name(pattern, resource.name, builder.options.fabric) if pattern else _default(builder, resource)
        users[name].append(resource)
        if pattern:
            asked[resource.name] = name
    found: dict[Source, tuple[str, bool]] = {}
    for resource in builder.of('VPC'):
        name = asked.get(resource.name, '')
        if not name:
            continue
        other = next((user for user in users[name] if user is not resource), None)
        is_given = other is None and usable(name, _LONGEST)
        if other is not None:
            builder.report_issue(resource, VPCS, Code.VRF_NAME_IN_USE, vrf=shown(name), vpc=other.name)
        elif not is_given:
            builder.report_issue(resource, VPCS, Code.VRF_NAME_INVALID, vrf=shown(name))
        found[resource.source] = (name if is_given else _default(builder, resource), is_given)
    return found


def _default(builder: Builder, resource: Resource) -> str:
    return in_fabric(resource.name, builder.options.fabric)
