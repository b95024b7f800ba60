"""Words that every layer shares: identifiers, messages, statuses, errors. Standard library only."""
