"""Faults that earlier syncs into NetBox had in the field, and the test that each of them would fail.

Reviewers read the table; the test below keeps it true.
"""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / 'tests'

GUARDED_BY: dict[str, list[str]] = {
    'nothing runs, and the pages say "in sync"': [
        'e2e/test_faults.py::test_without_a_worker_one_sync_waits_and_it_is_said',
        'unit/faces/fabric/test_actions.py::test_no_worker',
        'unit/faces/fabric/test_actions.py::test_no_scheduler',
        'unit/faces/fabric/test_actions.py::test_nobody_works',
        'unit/faces/fabric/test_pages.py::test_nobody_works',
        'unit/jobs/test_commands.py::test_nobody_is_there',
        'unit/faces/fabric/test_model.py::test_old_success_is_stale',
    ],
    'a worker is told to serve a queue that NetBox does not have': [
        'unit/jobs/test_schedules.py::test_the_queue_is_the_plugins_or_the_one_of_queue_mappings',
        'unit/monitoring/test_service_health.py::test_a_worker_of_other_queues_serves_no_fabric',
        'e2e/test_story.py::test_a_fabric_is_read_again_and_again_with_no_hand_on_it',
    ],
    'the package that rqscheduler needs is another one than the one installed': [
        'unit/jobs/test_processes.py::test_the_rqscheduler_command_finds_the_package_that_it_needs',
    ],
    'scheduling raises for each fabric, and a broad except hides it': [
        'unit/jobs/test_schedules.py::test_it_schedules_what_the_database_wants_and_nothing_else',
        'unit/jobs/test_schedules.py::test_bootstrap_says_how_many_stand_and_hides_no_failure',
    ],
    'one skipped or failed run breaks the chain of runs for good': [
        'unit/jobs/test_fabric_sync.py::test_a_sync_that_fails_breaks_no_chain',
        'unit/jobs/test_scheduler.py::test_missed_syncs_are_made_up_for_by_one',
        'e2e/test_faults.py::test_a_killed_worker_is_recognised_and_the_fabric_goes_on',
        'e2e/test_faults.py::test_a_scheduler_that_was_away_catches_up_with_one_sync',
    ],
    'random ids: cancel and status match nothing, each bootstrap adds a second chain': [
        'unit/jobs/test_fabric_sync.py::test_the_fixed_id_can_be_run_for_ever',
        'unit/jobs/test_schedules.py::test_a_running_schedule_keeps_its_time',
        'unit/jobs/test_schedules.py::test_one_statement_and_a_fixed_number_of_round_trips',
    ],
    'editing or deleting a fabric reschedules nothing': [
        'unit/jobs/test_schedules.py::test_a_saved_fabric_is_scheduled_after_its_commit',
        'unit/jobs/test_schedules.py::test_it_corrects_what_has_changed',
        'unit/jobs/test_schedules.py::test_it_removes_orphans_with_all_that_belongs_to_them',
        'e2e/test_schedule.py::test_the_schedule_follows_what_people_edit',
    ],
    'the last success is written by a failure too': [
        'unit/jobs/test_fabric_sync.py::test_a_failed_one_keeps_the_last_success',
    ],
    'a sync by hand inside the interval does nothing and reports success': [
        'unit/jobs/test_fabric_sync.py::test_it_runs_inside_the_interval_too',
        'unit/jobs/test_fabric_sync.py::test_a_second_one_is_a_visible_skip',
    ],
    'a sync logs what it would import, imports nothing, and says "in sync"': [
        'unit/sync/test_run.py::test_the_sample_is_mirrored_exactly',
        'kube/test_real_server.py::test_the_sample_is_mirrored_exactly',
        'e2e/test_cluster.py::test_the_sample_fabric_is_mirrored_exactly',
    ],
    '404 for a kind counts as an empty list': [
        'unit/sync/test_run.py::test_kind_not_installed',
        'kube/test_real_server.py::test_not_installed',
        'e2e/test_cluster.py::test_a_kind_that_is_not_served_any_more_is_told_and_no_empty_list',
    ],
    'objects that have gone from the cluster stay for ever': [
        'unit/sync/test_run.py::test_gone_and_back',
        'unit/faces/resource/test_pages.py::test_missing_resource_says_so',
    ],
    'no paging': [
        'unit/cluster/test_client.py::test_pages_give_every_object_once',
        'kube/test_real_server.py::test_small_pages',
    ],
    'no time-outs': [
        'unit/cluster/test_client.py::test_connect_timeout',
        'unit/cluster/test_client.py::test_read_timeout',
        'e2e/test_faults.py::test_a_sync_that_takes_too_long_ends_with_its_reason',
    ],
    'TLS verification is off where no CA is given': [
        'unit/cluster/test_client.py::test_unknown_authority',
        'unit/cluster/test_client.py::test_self_signed_certificate',
        'kube/test_real_server.py::test_tls_by_authority',
    ],
    'CA files are left behind in the temporary directory': [
        'unit/cluster/test_client.py::test_no_temporary_files',
    ],
    'tokens are stored and served in plain text': [
        'unit/faces/fabric/test_secrets.py::test_sealed',
        'unit/faces/fabric/test_secrets.py::test_no_response_shows_them',
        'unit/faces/fabric/test_secrets.py::test_nothing_in_any_change',
        'unit/faces/fabric/test_secrets.py::test_graphql',
        'e2e/test_faults.py::test_no_secret_in_database_redis_or_logs',
    ],
    "views go round NetBox's object permissions": [
        'unit/faces/fabric/test_permissions.py::test_constrained_view',
        'unit/faces/fabric/test_permissions.py::test_constrained_edit',
    ],
    'syncing and testing a connection ask for no permission': [
        'unit/faces/fabric/test_permissions.py::test_constrained_sync',
        'unit/faces/fabric/test_permissions.py::test_seen_but_not_synced',
        'unit/faces/fabric/test_permissions.py::test_no_permission',
    ],
    'a bootstrap or trigger that failed exits 0': [
        'unit/jobs/test_commands.py::test_redis_is_away',
        'unit/jobs/test_commands.py::test_who_waits_for_a_sync_that_fails_fails',
        'unit/jobs/test_commands.py::test_one_that_failed_does_not_exit_0',
        'e2e/test_commands.py::test_without_redis_a_command_fails_and_says_so',
    ],
    'values outside the declared choices in status fields': [
        'unit/jobs/test_fabric_sync.py::test_status_values_are_of_the_declared_choices',
    ],
    'two systems do the same work': [
        'unit/test_known_faults.py::test_rq_is_the_only_system_of_jobs',
    ],
    'a model for each kind, and dozens of migrations': [
        'unit/faces/test_migrations.py::test_one_model_serves_every_kind',
        'unit/faces/test_migrations.py::test_there_is_one_file_until_1_0',
    ],
    'scripts for debugging in the root': [
        'unit/test_known_faults.py::test_nothing_lies_about_in_the_root',
    ],
    'a killed worker leaves its job running for ever': [
        'unit/jobs/test_recovery.py::test_a_sync_without_its_lock_was_killed',
        'e2e/test_faults.py::test_a_sync_killed_while_no_scheduler_lives_blocks_nobody',
    ],
    'with no worker the queue grows at every tick; with a slow job and two workers runs overlap': [
        'unit/jobs/test_scheduler.py::test_a_due_fabric_waits_once_however_often_it_is_due',
        'e2e/test_faults.py::test_a_sync_longer_than_its_interval_never_overlaps_itself',
        'e2e/test_faults.py::test_two_of_each_do_not_get_in_each_others_way',
    ],
    'a flushed Redis has no schedules': [
        'e2e/test_schedule.py::test_an_emptied_redis_mends_itself_within_a_minute',
    ],
}


@pytest.mark.parametrize('fault', GUARDED_BY)
def test_each_fault_has_a_test_that_is_there(fault: str) -> None:
    for test in GUARDED_BY[fault]:
        file, _, name = test.partition('::')
        tree = ast.parse((TESTS / file).read_text())
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in names, f'{test} guards against "{fault}" and has gone'


def test_rq_is_the_only_system_of_jobs() -> None:
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']
    assert not [name for name in project['dependencies'] if 'celery' in name or 'apscheduler' in name]


def test_nothing_lies_about_in_the_root() -> None:
    assert not list(ROOT.glob('*.py'))
