"""The mappers are pure: they know neither Django nor a database, and each other in one direction only."""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import netbox_hedgehog.inventory.mapping as room
from netbox_hedgehog.inventory.mapping import desired as mapper
from netbox_hedgehog.inventory.mapping.builder import Builder
from netbox_hedgehog.inventory.mapping.types import Options
from netbox_hedgehog.inventory.resources import KINDS

from ....support.resources import load

HOME = Path(room.__file__).parent


def imports(module: str) -> tuple[set[str], set[str]]:
    """The modules of the room that a module imports, and the packages from elsewhere."""
    inside, outside = set(), set()
    for node in ast.walk(ast.parse((HOME / f'{module}.py').read_text())):
        if isinstance(node, ast.Import):
            outside |= {alias.name.partition('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 1:
            inside |= {node.module} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            outside.add('.' * node.level + (node.module or '').partition('.')[0])
    return inside, outside


def pure() -> dict[str, tuple[set[str], set[str]]]:
    """All modules that desired.py needs, with what they import."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    ahead = ['desired']
    while ahead:
        module = ahead.pop()
        if module not in found:
            found[module] = imports(module)
            ahead += found[module][0]
    return found


def test_mappers_import_the_standard_library_and_each_other_and_nothing_else():
    assert {'devices', 'cabling', 'addressing', 'vpcs', 'types'} <= pure().keys()
    outside = {name for _, names in pure().values() for name in names} - {'...issue_codes', '...naming', '...hedgehog'}  # as pure: the import contract
    assert outside <= sys.stdlib_module_names
    assert not outside & {'os', 'io', 'pathlib', 'socket', 'time', 'random', 'subprocess'}


def test_they_import_each_other_in_one_direction():
    list(TopologicalSorter({module: inside for module, (inside, _) in pure().items()}).static_order())


def test_the_kinds_that_are_loaded_are_those_that_mappers_ask_for(monkeypatch):
    asked = set()

    class Asked(Builder):
        def of(self, kind):
            asked.add(kind)
            return super().of(kind)

        def get(self, kind, name):
            asked.add(kind)
            return super().get(kind, name)

    monkeypatch.setattr(mapper, 'Builder', Asked)
    mapper.desired(load('every-member'), Options('dc-1', site=1))
    assert asked == set(KINDS)
