"""The history of the catalogue database's tables, one file a change; Alembic applies what is missing."""
