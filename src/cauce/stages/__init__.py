"""The stages of the flow. Each is functions from messages to messages; none imports another."""
