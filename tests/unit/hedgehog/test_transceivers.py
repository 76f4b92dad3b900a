"""What a transceiver says of itself, and of the cable between two of them."""

from typing import Any

import pytest

from netbox_hedgehog.hedgehog.transceivers import Transceiver, cable_medium, read_transceivers


def read(**entry: Any) -> Transceiver | None:
    return read_transceivers({'transceivers': {'E1/1': entry}})['E1/1']


def optic(**entry: Any) -> Transceiver:
    found = read(**{'present': 'PRESENT', 'vendor': 'O-NET', 'vendorPart': '1AT-3Q', 'serial': '1QT-2', **entry})
    assert found is not None
    return found


def test_texts_are_as_people_would_write_them():
    found = optic(vendor='  ACME \t OPTICS   ', vendorPart='AO-100G\x07 \n', serial='\x7f AO6C  \u200b')
    assert (found.vendor, found.part, found.serial) == ('ACME OPTICS', 'AO-100G', 'AO6C')


@pytest.mark.parametrize('value', [None, '', '   ', 'N/A', 'null', 'Unknown', '\x00\x01'])
def test_what_is_not_said_is_empty(value):
    found = optic(vendor=value, vendorPart=value, serial=value)
    assert (found.vendor, found.part, found.serial) == ('', '', '')


@pytest.mark.parametrize('value', [7, 7.5, True, [], {'a': 1}, 'x' * 101, 'x' * 10_000, ' ' * 10_000])
def test_what_netbox_cannot_hold_is_none(value):
    found = optic(vendor=value, vendorPart=value, serial=value)
    assert (found.vendor, found.part, found.serial) == (None, None, None)


def test_a_serial_number_has_at_most_50_characters_and_is_not_all_zeros():
    assert [optic(serial=value).serial for value in ('x' * 50, 'x' * 51, '0000')] == ['x' * 50, None, '']


@pytest.mark.parametrize('entry', [
    {}, {'present': ''}, {'present': 'NOT_PRESENT', 'vendor': 'ACME'}, {'present': 'absent'}, {'temp': 36.1, 'voltage': 3.3},
])
def test_an_empty_cage(entry):
    assert read(**entry) is None


def test_a_transceiver_that_an_older_agent_does_not_call_present():
    found = read(vendor='ACME', vendorPart='AO', serial='1')
    assert found is not None
    assert found.part == 'AO'


@pytest.mark.parametrize('state', [None, 7, {}, {'transceivers': None}, {'transceivers': []}, {'transceivers': {'E1/1': 7}}])
def test_an_agent_that_says_nothing_of_its_cages(state):
    assert read_transceivers(state) == {}


@pytest.mark.parametrize(('cable', 'description', 'medium'), [
    ('FIBER', '25G SR', 'mmf'), ('FIBER', 'QSFP28 100GBASE-SR4', 'mmf'), ('FIBER', '400GBASE-SR4.2', 'mmf'),
    ('FIBER', '1000BASE-SX', 'mmf'), ('FIBER', '10GBASE-LRM', 'mmf'), ('', '100G SWDM4', 'mmf'),
    ('FIBER', '10GBASE-LR', 'smf'), ('FIBER', 'QSFP28 100GBASE-CWDM4', 'smf'), ('FIBER', '400GBASE-DR4+', 'smf'),
    ('FIBER', 'OSFP 2xFR4', 'smf'), ('FIBER', '100G PSM4', 'smf'), ('FIBER', '1000BASE-BX10', 'smf'),
    ('DAC', 'OSFP112 4x(200GBASE-CR2-DAC)-2.0M', 'dac-passive'), ('DAC', '25GBASE-CR', 'dac-passive'),
    ('DAC', 'passive copper', 'dac-passive'), ('ACC', '800G', 'dac-active'), ('', '400G AEC 3m', 'dac-active'),
    ('AOC', '100G', 'aoc'), ('FIBER', '100GBASE-AOC 5m', 'aoc'), ('', 'Active AOC', 'aoc'),
    # Not said: which fiber, whether active or passive, or that it is a plug for twisted pair.
    ('FIBER', '', ''), ('FIBER', '100G', ''), ('DAC', '', ''), ('COPPER', '1000BASE-T', ''), ('', '', ''),
    (None, None, ''), (7, [], ''), ('FIBER', '100G SR4 LR4', ''), ('FIBER', 'SRXYZ', ''), ('x' * 10_000, 'y' * 10_000, ''),
])
def test_the_medium_that_it_needs(cable, description, medium):
    assert optic(cable=cable, descr=description).medium == medium


@pytest.mark.parametrize(('one', 'other', 'medium'), [
    ('25G SR', '25G SR', 'mmf'), ('100GBASE-LR4', '100GBASE-CWDM4', 'smf'), ('25G SR', '25G LR', ''),
    ('25G SR', '', None), ('', '', None),
])
def test_the_cable_between_two(one, other, medium):
    first, second = optic(descr=one), optic(descr=other)
    assert cable_medium(first, second) == cable_medium(second, first) == medium
