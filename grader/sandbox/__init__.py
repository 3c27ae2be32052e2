"""The only spawner of processes: a warm worker, one locked-down child a submission."""
