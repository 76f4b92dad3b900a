"""When, where and who runs it: schedules, runs, healing, health."""
