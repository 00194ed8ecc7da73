"""The shared vocabulary of the platform: books, the catalogue, contracts, errors and settings."""
