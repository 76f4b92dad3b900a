"""Run syncs: schedules, queue, worker, scheduler, recovery."""
