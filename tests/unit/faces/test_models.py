"""Everything that NetBox's users expect of a model, asked of each model of the plugin: one that is added as well.

Fabrics and their inventory rules are the models that people write: they have all that a model of NetBox's has. The others are written
by runs, in bulk, and follow from what was read: they have all that reads. What people would attach to a row of a mirror
(tags, custom fields, a journal, bookmarks) belongs on NetBox's own device, VRF or prefix, which the inventory keeps.
"""

import pytest
from core.models import ObjectType
from django.apps import apps
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from extras.forms import SavedFilterForm, TableConfigForm
from netbox.forms.mixins import SavedFiltersMixin
from netbox.graphql.schema import schema
from netbox.models.features import has_feature
from netbox.registry import registry
from netbox.search import get_indexer
from utilities.string import title
from utilities.views import get_viewname

import netbox_hedgehog.urls  # noqa: F401  the views are registered with it
from netbox_hedgehog import filtersets, forms, tables
from netbox_hedgehog.api.urls import router
from netbox_hedgehog.forms import FabricForm, InventoryRuleForm
from netbox_hedgehog.models import Fabric, InventoryRule
from netbox_hedgehog.navigation import menu

pytestmark = pytest.mark.django_db

ALL = apps.get_app_config('netbox_hedgehog').get_models()
PUBLIC = [model for model in ALL if not getattr(model, '_netbox_private', False)]
WRITTEN_BY_PEOPLE = (Fabric, InventoryRule)
WRITTEN_BY_RUNS = [model for model in PUBLIC if model not in WRITTEN_BY_PEOPLE]

# NetBox's own fields, and what a form carries along.
NETBOXS = {'id', 'created', 'last_updated', 'custom_field_data', 'owner', 'description', 'comments', 'tags'}
CARRIED = {'_init_time', 'changelog_message', 'owner_group'}

# A health row is shown on the page of its switch, a cabling check on that of its Connection, and found by that.
WITHOUT_PAGE = {'SwitchHealth', 'CablingCheck'}
FOUND_BY_ANOTHER = {'SwitchHealth', 'CablingCheck', 'InventoryLink', 'InventoryRule', 'FabricEvent'}


def views(model):
    return {view['name'] for view in registry['views']['netbox_hedgehog'][model._meta.model_name]}


def test_the_models_are_known() -> None:
    assert {model.__name__ for model in PUBLIC} == {
        'Fabric', 'FabricResource', 'InventoryLink', 'InventoryRule', 'Discrepancy', 'SwitchHealth', 'FabricEvent',
        'CablingCheck',
    }


@pytest.mark.parametrize('model', PUBLIC, ids=lambda model: model.__name__)
class TestEveryModel:
    def test_pages(self, model):
        assert 'list' in views(model)
        assert reverse(get_viewname(model, 'list'))
        if model.__name__ not in WITHOUT_PAGE:
            assert reverse(get_viewname(model), args=[1])
        links = [item.link for group in menu.groups for item in group.items]
        assert get_viewname(model, 'list') in links

    def test_table(self, model):
        table = getattr(tables, f'{model.__name__}Table')
        assert table._meta.model is model
        assert set(table.Meta.default_columns) <= set(table.base_columns)
        field = TableConfigForm.base_fields['object_type']
        assert field.queryset.filter(pk=ObjectType.objects.get_for_model(model).pk).exists()

    def test_filters(self, model):
        filterset = getattr(filtersets, f'{model.__name__}FilterSet')
        assert filterset._meta.model is model
        assert registry['filtersets'][model._meta.label_lower] is filterset
        assert 'q' in filterset.base_filters
        form = getattr(forms, f'{model.__name__}FilterForm')
        assert issubclass(form, SavedFiltersMixin)
        shown = {name for fieldset in form.fieldsets for name in fieldset.items}
        assert {'q', 'filter_id'} <= shown
        assert shown <= set(form().fields)
        unknown = {name for name in form().fields if name not in filterset.base_filters} - {'filter_id', 'q', 'ordering'}
        assert unknown == set(), 'the form offers filters that are none'
        field = SavedFilterForm.base_fields['object_types']
        assert field.queryset.filter(pk=ObjectType.objects.get_for_model(model).pk).exists()

    def test_rest(self, model):
        (viewset,) = (viewset for _, viewset, _ in router.registry if viewset.queryset.model is model)
        assert viewset.filterset_class is getattr(filtersets, f'{model.__name__}FilterSet')
        assert viewset.serializer_class.Meta.model is model
        assert {'id', 'url', 'display', 'display_url'} <= set(viewset.serializer_class.Meta.fields)

    def test_graphql(self, model):
        query = schema._schema.query_type.fields
        name = ''.join(f'_{letter.lower()}' if letter.isupper() else letter for letter in model.__name__).lstrip('_')
        assert name in query
        assert {'filters', 'pagination'} <= query[f'{name}_list'].args.keys()

    def test_export_templates_and_custom_links(self, model):
        assert has_feature(model, 'export_templates')
        assert has_feature(model, 'custom_links')

    def test_global_search(self, model):
        if model.__name__ in FOUND_BY_ANOTHER:
            with pytest.raises(KeyError):
                get_indexer(model)
        else:
            assert get_indexer(model).fields

    def test_words(self, model):
        """What people see of a model can be translated, and each field says what it is."""
        assert isinstance(model._meta.verbose_name, Promise)
        assert isinstance(model._meta.verbose_name_plural, Promise)
        assert title(model._meta.verbose_name)
        for field in model._meta.concrete_fields:
            if field.name not in NETBOXS or (model not in WRITTEN_BY_PEOPLE and field.name != 'id'):
                assert isinstance(field.verbose_name, Promise), f'{field.name} cannot be translated'
                assert isinstance(field.help_text, Promise), f'{field.name} has no help text that can be translated'


@pytest.mark.parametrize('model', WRITTEN_BY_RUNS, ids=lambda model: model.__name__)
def test_what_syncs_write_nobody_else_does(model) -> None:
    for action in ('edit', 'delete'):
        with pytest.raises(NoReverseMatch):
            reverse(get_viewname(model, action), args=[1])
    for action in ('add', 'bulk_import', 'bulk_edit', 'bulk_delete'):
        with pytest.raises(NoReverseMatch):
            reverse(get_viewname(model, action))
    assert not has_feature(model, 'change_logging')


@pytest.mark.parametrize(('model', 'without'), [(Fabric, set()), (InventoryRule, {'jobs'})])
def test_what_people_write_has_all_that_a_model_of_netboxs_has(model, without) -> None:
    missing = {name for name in registry['model_features'] if not has_feature(model, name)}
    # NetBox gives these to what has an image, contacts, a configuration or a file of its own.
    others = {'config_contexts', 'contacts', 'image_attachments', 'synced_data'} & registry['model_features'].keys()
    assert missing == others | without
    assert {
        'list', 'add', 'edit', 'delete', 'bulk_import', 'bulk_edit', 'bulk_rename', 'bulk_delete', 'changelog', 'journal',
        '',
    } <= views(model)
    assert ('jobs' in views(model)) is ('jobs' not in without)


@pytest.mark.parametrize('form', [FabricForm, InventoryRuleForm])
def test_each_field_of_the_form_says_what_it_is(form) -> None:
    silent = {name for name, field in form().fields.items() if not field.help_text}
    assert silent - NETBOXS - CARRIED == set()


def test_related_objects_can_be_made_on_the_spot() -> None:
    """Quick-add, wherever the form points to something that NetBox can make in a dialog."""
    fields = FabricForm().fields
    quick = {name for name, field in fields.items() if getattr(field, 'quick_add', False)}
    assert quick >= {'notification_group', 'inventory_site', 'inventory_location', 'inventory_tenant'}
