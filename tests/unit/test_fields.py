"""Secrets in the database: sealed, opened only where they are used, and with an earlier key too."""

import copy
import json
import pickle

import pytest
from django.core.management import call_command
from django.db import connection

from netbox_hedgehog.fields import PREFIX, DecryptionError, EncryptedStr, decrypt, encrypt
from netbox_hedgehog.models import Fabric

SECRET = 'CANARY-secret é\n'


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute('SELECT f::text FROM netbox_hedgehog_fabric f')
        return '\n'.join(row for row, in cursor.fetchall())


def test_there_and_back():
    sealed = encrypt(SECRET)
    assert 'CANARY' not in f'{sealed!r} {sealed} {sealed:>9} {[sealed]}'
    assert sealed.startswith(PREFIX)
    assert decrypt(sealed) == SECRET
    assert encrypt(SECRET) != sealed, 'two seals of the same do not show that'


def test_nothing_stays_nothing():
    assert (encrypt(''), decrypt(EncryptedStr('')), decrypt('')) == ('', '', '')


@pytest.mark.parametrize('duplicate', [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_stay_sealed(duplicate):
    assert decrypt(duplicate(encrypt(SECRET))) == SECRET


def test_rotation(settings):
    old = encrypt(SECRET)
    first = settings.SECRET_KEY
    settings.SECRET_KEY = 'b' * 60
    with pytest.raises(DecryptionError, match='secret_key_fallbacks') as caught:
        decrypt(old)
    assert 'CANARY' not in str(caught.value)
    settings.PLUGINS_CONFIG['netbox_hedgehog']['secret_key_fallbacks'] = ['a' * 60, first]
    try:
        assert decrypt(old) == SECRET
        new = encrypt(SECRET)
    finally:
        settings.PLUGINS_CONFIG['netbox_hedgehog']['secret_key_fallbacks'] = []
    assert decrypt(new) == SECRET, 'sealed with the newest key'
    with pytest.raises(DecryptionError):
        decrypt(old)


@pytest.mark.parametrize('spoilt', ['sealed:1:', 'sealed:1:CANARY', 'CANARY', PREFIX + 'gAAAA' * 20, 'é'])
def test_what_is_no_seal(spoilt):
    with pytest.raises(DecryptionError) as caught:
        decrypt(EncryptedStr(spoilt))
    assert 'CANARY' not in str(caught.value)


@pytest.mark.django_db
def test_the_field():
    fabric = Fabric.objects.create(name='a', kubernetes_token=SECRET)
    assert decrypt(fabric.kubernetes_token) == SECRET
    fabric.refresh_from_db()
    assert isinstance(fabric.kubernetes_token, EncryptedStr)
    assert decrypt(fabric.kubernetes_token) == SECRET
    before = str(fabric.kubernetes_token)
    fabric.save()
    fabric.refresh_from_db()
    assert fabric.kubernetes_token == before, 'a save without a change does not seal again'
    assert 'CANARY' not in stored()


@pytest.mark.django_db
def test_updates_are_sealed_too():
    fabric = Fabric.objects.create(name='a')
    Fabric.objects.update(kubernetes_token=SECRET, kubeconfig=SECRET)
    fabric.refresh_from_db()
    assert (decrypt(fabric.kubernetes_token), decrypt(fabric.kubeconfig)) == (SECRET, SECRET)
    fabric.kubernetes_token = 'CANARY-2'
    Fabric.objects.bulk_update([fabric], ['kubernetes_token'])
    fabric.refresh_from_db()
    assert decrypt(fabric.kubernetes_token) == 'CANARY-2'
    assert 'CANARY' not in stored()


@pytest.mark.django_db
def test_what_looks_like_a_seal_is_sealed():
    """A person's input is a secret, whatever it looks like: nobody can put another fabric's seal in."""
    other = str(encrypt(SECRET))
    fabric = Fabric.objects.create(name='a', kubernetes_token=str(other))
    fabric.refresh_from_db()
    assert decrypt(fabric.kubernetes_token) == other


@pytest.mark.django_db
def test_dumpdata_and_loaddata_keep_a_secret(tmp_path):
    """Both ways of restoring a dump: over the rows that are there, and after they have gone."""
    fabric = Fabric.objects.create(name='a', kubernetes_token=SECRET, kubeconfig=f'{SECRET}-2')
    dump = tmp_path / 'fabrics.json'
    call_command('dumpdata', 'netbox_hedgehog.fabric', output=str(dump), verbosity=0)
    assert 'CANARY' not in dump.read_text()
    for restore in ('over', 'anew'):
        if restore == 'anew':
            Fabric.objects.all().delete()
        call_command('loaddata', str(dump), verbosity=0)
        restored = Fabric.objects.get(pk=fabric.pk)
        assert (decrypt(restored.kubernetes_token), decrypt(restored.kubeconfig)) == (SECRET, f'{SECRET}-2')


@pytest.mark.django_db
def test_a_fixture_may_hold_a_plain_secret(tmp_path):
    fixture = tmp_path / 'fabrics.json'
    fields = {'name': 'a', 'kubernetes_token': SECRET}
    fixture.write_text(json.dumps([{'model': 'netbox_hedgehog.fabric', 'pk': 1, 'fields': fields}]))
    call_command('loaddata', str(fixture), verbosity=0)
    assert decrypt(Fabric.objects.get(name='a').kubernetes_token) == SECRET
    assert 'CANARY' not in stored()


@pytest.mark.django_db
def test_empty_in_the_database():
    Fabric.objects.create(name='a')
    assert Fabric.objects.filter(kubernetes_token='').count() == 1
    assert Fabric.objects.exclude(kubernetes_token='').count() == 0


@pytest.mark.django_db
def test_serialised_values_are_sealed():
    fabric = Fabric(name='a', kubernetes_token=SECRET)
    assert 'CANARY' not in Fabric._meta.get_field('kubernetes_token').value_to_string(fabric)
