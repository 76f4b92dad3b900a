"""Comparing two databases: what counts as a difference. That the short way is right, CI proves with `compare`."""

import shutil
from collections.abc import Iterator

import pytest

from demo import postgres, schema
from demo.postgres import Postgres

DJANGO = """
    CREATE TABLE django_migrations (app text, name text);
    CREATE TABLE django_content_type (id int, app_label text, model text);
    CREATE TABLE core_objecttype (contenttype_ptr_id int, public bool, features text[]);
    CREATE TABLE auth_permission (content_type_id int, codename text);
"""
THING = 'CREATE TABLE thing (id int PRIMARY KEY, a int NOT NULL, b text, CONSTRAINT {name} UNIQUE ({columns}))'


@pytest.fixture(scope='module')
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp('schema'), postgres.ROOT / '.cache') as server:
        for name, constraint, columns in (('one', 'first', 'a, b'), ('two', 'second', 'b, a')):
            server.create_database(name)
            server.execute(DJANGO, database=name)
            server.execute(THING.format(name=constraint, columns=columns), database=name)
        yield server
    # In /var/tmp where pytest's own directory lets PostgreSQL's user not in.
    shutil.rmtree(server.directory)


def test_names_of_constraints_and_their_order_of_columns_do_not_count(server: Postgres) -> None:
    assert schema.compare(server, 'one', 'two') == []


@pytest.mark.parametrize(
    ('change', 'expected'),
    [
        ('ALTER TABLE thing ALTER a DROP NOT NULL', 'column thing.a integer'),
        ('ALTER TABLE thing ALTER b SET DEFAULT 1', 'column thing.b text DEFAULT'),
        ('CREATE INDEX i ON thing (b)', 'index CREATE INDEX ON public.thing'),
        ('ALTER TABLE thing ADD CHECK (a > 0)', 'constraint thing CHECK'),
        ('CREATE TABLE other ()', 'table other'),
        ('CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$', 'function CREATE OR REPLACE'),
        ("INSERT INTO thing VALUES (1, 1, 'x')", 'row count of thing: 1'),
        ("INSERT INTO django_migrations VALUES ('dcim', '0001')", 'applied migration dcim.0001'),
        ('CREATE EXTENSION ltree', 'extension ltree'),
    ],
)
def test_a_difference_is_told_in_a_sentence(server: Postgres, change: str, expected: str) -> None:
    server.create_database('changed', template='one')
    try:
        server.execute(change, database='changed')
        differences = schema.compare(server, 'changed', 'two')
    finally:
        server.drop_database('changed')
    assert any(line.startswith(f'two lacks the {expected}') for line in differences), differences
    assert all(line.endswith('.') for line in differences)
