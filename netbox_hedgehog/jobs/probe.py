"""Test connection, and what it says kept on the fabric."""

from ..choices import ConnectionStatusChoices
from ..cluster.probe import Probe
from ..models import Fabric
from ..sync.run import test_connection

__all__ = ('check_connection',)


def check_connection(fabric: Fabric) -> Probe:
    """Test a fabric's connection in this process and record whether it was reached. Raises nothing of the cluster's."""
    found = test_connection(fabric)
    status = ConnectionStatusChoices.CONNECTED if found.connected else ConnectionStatusChoices.FAILED
    Fabric.objects.filter(pk=fabric.pk).update(connection_status=status)
    return found
