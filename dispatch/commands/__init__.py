"""The command line, one file per noun. Heavy parts are imported by the command that needs them."""
