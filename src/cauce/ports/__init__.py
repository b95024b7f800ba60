"""What the stages need of the world: small Protocols. Adapters fulfil them; only `bootstrap` knows which."""
