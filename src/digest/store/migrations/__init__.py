"""Numbered changes of the schema, run by ``digest.store.database``."""
