"""Accounts: people, their roles, and the tokens of their scripts."""
