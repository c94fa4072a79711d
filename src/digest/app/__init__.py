"""The application: wiring of the services, the daemon, export, lock file and logs."""
