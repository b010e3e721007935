"""The command line, the scheduler and the supervisor."""
