"""Configuration: environment variables, read once into one frozen object (`environment.Settings`)."""
