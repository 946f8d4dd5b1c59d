"""The administrator's commands: the local broker, and who belongs to the group."""
