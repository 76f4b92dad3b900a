"""Settings that cannot be meant are refused when NetBox starts, with a sentence."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from netbox_hedgehog import HedgehogPluginConfig

NETBOX = '4.7.3'


def test_defaults_are_applied():
    config = {'job_timeout': 60}
    HedgehogPluginConfig.validate(config, NETBOX)
    assert config == {**HedgehogPluginConfig.default_settings, 'job_timeout': 60}


@pytest.mark.parametrize(('config', 'words'), [
    ({'job_timout': 60}, "no setting 'job_timout'. Valid settings: allowed_destinations, allowed_schemes, connect_timeout"),
    ({'job_timeout': '60'}, r"\['job_timeout'\] must be a positive number, not '60'"),
    ({'scheduler_interval': 0}, 'must be a positive number, not 0'),
    ({'retries': -1}, 'must be a positive number, not -1'),
    ({'job_timeout': 600.5}, 'must be a whole number, not 600.5'),
    ({'heartbeat_interval': 15.0}, 'must be a whole number, not 15.0'),
    ({'read_timeout': float('nan')}, 'must be a positive number, not nan'),
    ({'secret_key_fallbacks': 'earlier'}, 'must be a list of earlier SECRET_KEY values'),
])
def test_what_cannot_be_meant_is_refused(config, words):
    with pytest.raises(ImproperlyConfigured, match=words):
        HedgehogPluginConfig.validate(config, NETBOX)


def test_no_retries_and_no_jobs_kept_are_fine():
    HedgehogPluginConfig.validate({'retries': 0, 'jobs_kept': 0, 'connect_timeout': 0.5, 'removal_grace_hours': 0.5}, NETBOX)
