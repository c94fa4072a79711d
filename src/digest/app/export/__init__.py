"""Export: the whole site as plain files, for hosts that run no program."""
