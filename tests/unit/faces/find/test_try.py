from datetime import timedelta
from django.test import TestCase
from django.utils import timezone
from netbox_hedgehog.models import *
from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.presentation.find.lookup import find
from ....support.inventory import fabric_of
from .scenario import *

class T(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.fabric = fabric_of(scenario())
        reconcile(cls.fabric)
    def test(self):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext
        for t in ['10.0.1.57','10.0.2.20','10.0.2.21','10.0.2.22','10.0.1.0/24','0c20.12fe.0001','0C-20-12-FE-00-03',MAC_OF_PORT,'1001','AS65101','101','vni 100','leaf-01','server-02','db-3','db','s-leaf-1','xcvr','172.30.8.2','02:00:00:00:01:10','vpc-01','10.0.1.150','10.0.1.1','nonsense', 'server', '0c:20:12:ff:00:01', 'vlan 1002']:
            with CaptureQueriesContext(connection) as q:
                found = find(None, t)
            print(f'\n== {t} ({len(q)} statements) more={found.more} {found.sentence}')
            for a in found.answers: print('  ', a.line, '|', a.distance, [str(o) for o in a.objects])
