"""GraphQL queries for everything that the plugin's types have, read from the schema: what is added is asked unasked."""

import strawberry
from graphql import GraphQLObjectType, get_named_type, is_leaf_type
from netbox.graphql.schema import schema

from netbox_hedgehog.graphql.schema import HedgehogQuery

__all__ = ('queries',)

DEEP = 2


def queries() -> dict[str, str]:
    """By the name of each list that the plugin adds, a query for all that can be reached from it in a step."""
    query = schema._schema.query_type
    lists = [field.python_name for field in strawberry.type(HedgehogQuery).__strawberry_definition__.fields]
    found = {
        name: f'{{ {name} {_fields(get_named_type(query.fields[name].type), DEEP)} }}'
        for name in lists if name.endswith('_list')
    }
    assert len(found) >= 4, 'the schema could not be read'
    return found


def _fields(node: GraphQLObjectType, deep: int) -> str:
    parts = []
    for name, field in node.fields.items():
        below = get_named_type(field.type)
        if any(argument.type.__class__.__name__ == 'GraphQLNonNull' for argument in field.args.values()):
            continue
        if is_leaf_type(below):
            parts.append(name)
        elif isinstance(below, GraphQLObjectType) and deep > 1:
            parts.append(f'{name} {_fields(below, deep - 1)}')
    return f'{{ {" ".join(parts) or "__typename"} }}'

