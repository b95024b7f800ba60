"""The command line: `cauce …`. Each command is a few lines over the services or over the HTTP interface."""
