"""Named SQL for questions that join many tables; each file answers one."""
