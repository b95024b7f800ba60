"""What machines that run this one look at: liveness, readiness, metrics. No login, no identity."""
