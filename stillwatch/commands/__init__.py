"""The commands of the command line, one file a kind of work. Rooms are imported inside the commands: a start stays quick."""
