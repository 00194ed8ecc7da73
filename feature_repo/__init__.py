"""Feast definitions, and nothing else: Feast imports every module in here."""
