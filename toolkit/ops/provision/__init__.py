"""The models that a host should have: declared, compared with what is there, fetched and made, never lost."""
