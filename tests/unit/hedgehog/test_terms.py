"""What a person types to find something, in every notation that people use."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbox_hedgehog.hedgehog.terms import Term, TermError, read_term


@pytest.mark.parametrize('entered', [
    '0c:20:12:fe:00:01', '0C-20-12-FE-00-01', '0c20.12fe.0001', '0C20-12FE-0001', '0c2012:fe0001', '0C2012FE0001',
    '  0c:20:12:FE:00:01 ',
])
def test_a_mac_address_in_any_notation(entered: str) -> None:
    assert read_term(entered).mac == '0c:20:12:fe:00:01'


def test_twelve_digits_may_be_a_serial_number_too() -> None:
    assert read_term('0C2012FE0001').name == '0c2012fe0001'
    assert read_term('0c:20:12:fe:00:01').name == ''


@pytest.mark.parametrize(('entered', 'address'), [
    ('10.0.1.57', '10.0.1.57'), ('10.0.1.57/32', '10.0.1.57'), ('10.0.1.57/24', '10.0.1.57'),
    ('2001:DB8::1', '2001:db8::1'), ('2001:db8::1/64', '2001:db8::1'), ('::1', '::1'),
])
def test_an_address(entered: str, address: str) -> None:
    term = read_term(entered)
    assert (str(term.address), term.prefix, term.name) == (address, None, '')


def test_a_prefix_and_those_that_contain_it() -> None:
    term = read_term('10.0.1.0/24')
    assert (str(term.prefix), term.address) == ('10.0.1.0/24', None)
    assert term.parents[:2] == ['10.0.1.0/24', '10.0.0.0/23']
    assert term.parents[-1] == '0.0.0.0/1'
    assert read_term('10.0.1.57').parents[0] == '10.0.1.57/32'


@pytest.mark.parametrize(('entered', 'numbers'), [
    ('101', ('asn', 'vlan', 'vni')), ('65101', ('asn', 'vni')), ('4200000000', ('asn',)), ('0', ()),
    ('AS65101', ('asn',)), ('asn 65101', ('asn',)), ('VLAN 1001', ('vlan',)), ('vlan1001', ('vlan',)), ('vni: 100', ('vni',)),
])
def test_a_number_is_all_that_it_can_be(entered: str, numbers: tuple[str, ...]) -> None:
    assert read_term(entered).numbers == numbers


@pytest.mark.parametrize('entered', ['leaf-01', 'db-3.example.com', 'ACM7F8D9A20C', 'vpc-01--default', 'leaf-01:Ethernet48'])
def test_anything_else_is_a_name(entered: str) -> None:
    assert read_term(entered) == Term(entered, name=entered.lower())


@pytest.mark.parametrize(('entered', 'sentence'), [
    ('', 'Enter an IP or MAC address, a prefix, a host name, a serial number, an AS number, a VLAN, a VNI or a name.'),
    ('10.0.1.300', '10.0.1.300 is not an IPv4 address or prefix. Check it and try again.'),
    ('10.0.1.0/33', '10.0.1.0/33 is not an IPv4 address or prefix. Check it and try again.'),
    ('0c:20:12:fe:00', '0c:20:12:fe:00 is not a MAC address, an IPv6 address or a prefix. Check it and try again.'),
    ('VLAN 5000', 'VLAN 5000 is out of range (1–4094).'),
    ('AS0', 'AS number 0 is out of range (1–4294967295).'),
    ('a\x00b', 'This has characters that cannot be displayed. Enter it again.'),
    ('a' * 254, 'This is too long. Enter at most 253 characters.'),
])
def test_bad_input_gets_a_sentence(entered: str, sentence: str) -> None:
    with pytest.raises(TermError) as raised:
        read_term(entered)
    assert str(raised.value) == sentence


@given(st.text())
def test_any_text_is_a_term_or_gets_a_sentence(entered: str) -> None:
    with suppress(TermError):
        term = read_term(entered)
        assert term.address or term.prefix or term.mac or term.numbers or term.name
